"""Which rows repeat which, by hashes that wait on disk: of a large file, they are too many to hold.

Scratch files are where Python's tempfile puts them: the folder that TMPDIR names, if it does.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecom.data.identity import BYTES, Hashes

COMPARED: Final = 1 << 19  # hashes that are held at a time, about
SHARES: Final = 64  # at most, since all hashes are read for each
BLOCK: Final = 1 << 18  # hashes read at a time

Same = tuple[NDArray[np.int64], NDArray[np.int64]]


class HashFile:
    """Hashes of sessions in the order of their rows."""

    def __init__(self, file: BinaryIO, compared: int = COMPARED) -> None:
        self._file = file
        self._compared = compared
        self._size = 0

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[Self]:
        """Yield an empty one, in a file that is gone after the block."""
        with TemporaryFile() as file:
            yield cls(file)

    def __len__(self) -> int:
        """Return how many hashes there are."""
        return self._size

    def add(self, hashes: Hashes) -> None:
        """Add the hashes of some rows, which come after those before."""
        self._file.seek(0, io.SEEK_END)
        self._file.write(hashes.tobytes())
        self._size += len(hashes)

    def read(self, begin: int, end: int) -> Hashes:
        """Return the hashes of rows `begin` to `end`, which may be beyond the last."""
        self._file.seek(begin * BYTES)
        return np.frombuffer(self._file.read((end - begin) * BYTES), f"S{BYTES}")

    def compared(self) -> Iterator[Same]:
        """Compare all hashes, a share of them at a time.

        Yields
        ------
        tuple
            Rows in rising order, and a number for each, the same for hashes that are the same. All
            rows of a hash come together.
        """
        shares = min(max(1, -(-len(self) // self._compared)), SHARES)
        for share in range(shares):
            rows, hashes = [], []
            for begin in range(0, max(len(self), 1), BLOCK):
                block = self.read(begin, begin + BLOCK)
                (chosen,) = np.nonzero(block.view("<u4")[:: BYTES // 4] % shares == share)
                rows.append(begin + chosen)
                hashes.append(block[chosen])
            yield np.concatenate(rows), np.unique(np.concatenate(hashes), return_inverse=True)[1]

    def is_twice_the_same(self, labels: NDArray[Any]) -> bool:
        """Tell whether the second half of the rows is the first half again, labels included."""
        half, odd = divmod(len(self), 2)
        return (
            half > 0
            and not odd
            and np.array_equal(labels[:half], labels[half:])
            and all(
                np.array_equal(
                    self.read(begin, min(begin + BLOCK, half)),
                    self.read(half + begin, half + min(begin + BLOCK, half)),
                )
                for begin in range(0, half, BLOCK)
            )
        )


def repeats(hashes: HashFile, labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which rows repeat an earlier one, label included."""
    found = np.empty(len(hashes), np.bool_)
    for rows, numbers in hashes.compared():
        found[rows] = pd.Series(numbers * 2 + labels[rows]).duplicated()
    return found


def first_rows(hashes: HashFile, labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return, for each row, the first row that holds the same, label included."""
    found = np.empty(len(hashes), np.int64)
    for rows, numbers in hashes.compared():
        _, first, same = np.unique(
            numbers * 2 + labels[rows], return_index=True, return_inverse=True
        )
        found[rows] = rows[first][same]
    return found


def places(hashes: HashFile) -> NDArray[np.int32]:
    """Return, for each row, how many before it have the same hash."""
    found = np.empty(len(hashes), np.int32)
    for rows, numbers in hashes.compared():
        found[rows] = pd.Series(numbers).groupby(numbers).cumcount()
    return found
