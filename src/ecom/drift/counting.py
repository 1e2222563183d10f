"""From sessions to counts, block by block: there may be more than memory holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ecom.errors import DataError
from ecom.evaluation.counts import Floats
from ecom.serving.bulk.checking import Fault
from ecom.serving.bulk.labelled import Rows
from ecom.serving.manifest import PackagedColumn
from ecom.serving.profile import (
    NOT_ALLOWED,
    SCORE,
    UNKNOWN,
    Bins,
    Profile,
    bins_of,
    empty_profile,
)

SAMPLED: Final = 20_000  # sessions of a file that are held in memory
MOST_BLOCKS: Final = 5_000  # blocks of sessions that belong together


@dataclass
class Counted:
    """What is known of a file.

    Attributes
    ----------
    profile
        Counts.
    blocks
        Number of each block, by name; empty if there are none.
    wrong
        By column, how many values are not allowed, and the first of them.
    broken
        Lines that are no rows.
    fitted_to
        Sessions that are like one that the model was fitted to.
    """

    profile: Profile
    blocks: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, tuple[int, Fault]] = field(default_factory=dict)
    broken: int = 0
    fitted_to: int = 0


class Sampler:
    """Draws sessions, each with the same chance, as numbers in the order of the columns.

    Parameters
    ----------
    columns
        Of the package.
    seed
        Of the draw.
    """

    def __init__(self, columns: Iterable[PackagedColumn], seed: int) -> None:
        self._columns = tuple(columns)
        self._random = np.random.default_rng(seed)
        self._keys = np.empty(0)
        self.values: Floats = np.empty((0, len(self._columns)))
        self.blocks = np.empty(0, object)

    def add(self, rows: Rows) -> None:
        """Let some sessions take part in the draw; a value that is not allowed is NaN."""
        size = len(rows.good)
        keys = np.append(self._keys, self._random.random(size))
        values = np.empty((size, len(self._columns)))
        for place, column in enumerate(self._columns):
            given = rows.values[column.name]
            values[:, place] = Bins(values=column.allowed).place(given) if column.allowed else given
            values[rows.wrong[column.name], place] = np.nan
        blocks = np.array(rows.blocks or [""] * size, object)
        values, blocks = np.vstack([self.values, values]), np.append(self.blocks, blocks)
        if len(keys) > SAMPLED:
            kept = np.sort(np.argpartition(keys, SAMPLED)[:SAMPLED])
            keys, values, blocks = keys[kept], values[kept], blocks[kept]
        self._keys, self.values, self.blocks = keys, values, blocks

    def bins(self) -> dict[str, Bins]:
        """Choose cells for each column, by what was drawn."""
        return {
            column.name: bins_of(column.name, values[~np.isnan(values)])
            for column, values in zip(self._columns, self.values.T, strict=True)
        }


def count(rows: Iterable[Rows], bins: Mapping[str, Bins], threshold: float) -> Counted:
    """Count sessions.

    Raises
    ------
    DataError
        There are too many blocks.
    """
    counted = Counted(empty_profile(bins, threshold))
    for some in rows:
        profile, size = counted.profile, len(some.good)
        numbers_of = np.zeros(size, np.int64)
        if some.blocks is not None:
            numbers = counted.blocks
            numbers_of[:] = [numbers.setdefault(name, len(numbers)) for name in some.blocks]
            if len(numbers) > MOST_BLOCKS:
                raise DataError(
                    f"--block names a column with more than {MOST_BLOCKS:,} values: expected a "
                    "coarser one, such as the day"
                )
        for name in bins:
            right = ~some.wrong[name]
            profile[name] = profile[name].plus(
                some.values[name][right], some.outcomes[right], numbers_of[right]
            )
        profile[SCORE] = profile[SCORE].plus(
            some.scores, some.outcomes[some.good], numbers_of[some.good]
        )
        bad = np.append(~some.good, np.ones(some.broken, np.bool_)).astype(np.float64)
        profile[NOT_ALLOWED] = profile[NOT_ALLOWED].plus(
            bad,
            np.append(some.outcomes, np.full(some.broken, UNKNOWN)),
            np.append(numbers_of, np.full(some.broken, numbers_of[-1] if size else 0)),
        )
        counted.broken += some.broken
        counted.fitted_to += int(some.fitted_to.sum())
        for fault in some.faults:
            before, first = counted.wrong.get(fault.column, (0, fault))
            counted.wrong[fault.column] = before + 1, first
    return counted
