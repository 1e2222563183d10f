"""Which sessions a model was fitted to, as short hashes, to leave them out of a judgement."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ecom.errors import PackageError
from ecom.schema import CATEGORICAL

BYTES: Final = 4  # of a hash: with a million stored, one in 4,000 new sessions matches by chance
STORED: Final = np.dtype("<u4")

Hashes = NDArray[np.uint32]


def session_hashes(columns: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Hashes:
    """Hash what each session holds in some columns.

    Parameters
    ----------
    columns
        By name, values of shape (n,).
    names
        Columns that count, in order.

    Returns
    -------
    array of shape (n,)

    Examples
    --------
    >>> columns = {"Month": np.array(["May", "May"], object), "PageValues": np.array([0.0, -0.0])}
    >>> first, second = session_hashes(columns, ["Month", "PageValues"])
    >>> first == second
    np.True_
    """
    numbers = [columns[name].astype("<f8") + 0.0 for name in names if name not in CATEGORICAL]
    texts = [columns[name] for name in names if name in CATEGORICAL]
    size = len(columns[names[0]])
    rows = np.stack(numbers, axis=1) if numbers else np.empty((size, 0))
    written = zip(*texts, strict=True) if texts else ((),) * size
    found = (
        blake2b(row.tobytes() + "\0".join(words).encode(), digest_size=BYTES).digest()
        for row, words in zip(rows, written, strict=True)
    )
    return np.frombuffer(b"".join(found), STORED).astype(np.uint32)


def write_hashes(hashes: Hashes) -> bytes:
    """Return the content of a file of hashes, sorted, so that the order reveals nothing."""
    return np.unique(hashes).astype(STORED).tobytes()


def read_hashes(content: bytes) -> Hashes:
    """Read what `write_hashes` has written.

    Raises
    ------
    PackageError
        The content was cut off.
    """
    if len(content) % BYTES:
        raise PackageError("the hashes of training sessions were cut off")
    return np.frombuffer(content, STORED).astype(np.uint32)
