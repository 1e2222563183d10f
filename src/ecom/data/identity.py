"""What makes a session the same session, in two states of the project."""

import hashlib
from typing import Final

import pandas as pd

from ecom.schema import FEATURES

BYTES: Final = 12  # of a hash: among millions of sessions, no two share one by chance


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
    rows = zip(*(sessions[name].tolist() for name in FEATURES), strict=True)
    hashes = pd.Series(
        [hashlib.blake2b(repr(row).encode(), digest_size=BYTES).hexdigest() for row in rows],
        index=sessions.index,
        dtype=object,
    )
    place = hashes.groupby(hashes).cumcount()
    return hashes.where(place == 0, hashes + "-" + (place + 1).astype(str)).rename("session")
