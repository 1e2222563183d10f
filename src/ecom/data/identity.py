"""What makes a session the same session, in two states of the project."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecom.schema import FEATURES

BYTES: Final = 12  # of a hash: among millions of sessions, no two share one by chance

Hashes = NDArray[np.bytes_]  # of BYTES each


def session_hashes(sessions: pd.DataFrame) -> Hashes:
    """Return a hash of what the raw columns of each typed session hold, but for its label."""
    return hashes_of(zip(*(sessions[name].tolist() for name in FEATURES), strict=True))


def hashes_of(rows: Iterable[tuple[Any, ...]]) -> Hashes:
    """Return a hash of each row's values."""
    digests = [hashlib.blake2b(repr(row).encode(), digest_size=BYTES).digest() for row in rows]
    return np.array(digests, dtype=f"S{BYTES}")


def keys_of(hashes: Hashes, place: NDArray[np.integer]) -> list[str]:
    """Return a key for each session, from its hash and its place among those that hold the same."""
    content = hashes.tobytes().hex()
    texts = [content[begin : begin + 2 * BYTES] for begin in range(0, len(content), 2 * BYTES)]
    return [
        text if before == 0 else f"{text}-{before + 1}"
        for text, before in zip(texts, place.tolist(), strict=True)
    ]


def session_keys(sessions: pd.DataFrame) -> "pd.Series[str]":
    """Name each session by what its raw columns hold, whatever its row number and its label.

    Parameters
    ----------
    sessions
        Typed sessions, before any row is dropped.

    Returns
    -------
    Series of text
        With the index of `sessions`. Of sessions that hold the same, the second one's key ends in
        ``-2``, and so on: no key occurs twice.

    Examples
    --------
    >>> from ecom.schema import FEATURES
    >>> same = pd.DataFrame([dict.fromkeys(FEATURES, 1)] * 2)
    >>> [key.partition("-")[2] for key in session_keys(same)]
    ['', '2']
    """
    hashes = session_hashes(sessions)
    place = pd.Series(hashes).groupby(hashes).cumcount().to_numpy()
    return pd.Series(keys_of(hashes, place), index=sessions.index, dtype=object, name="session")
