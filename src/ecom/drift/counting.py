"""From files of sessions to counts, block by block: files may be larger than memory."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ecom.errors import DataError
from ecom.evaluation.counts import Floats
from ecom.schema import COLUMNS, TARGET
from ecom.serving.bulk.checking import Fault, check, require_columns
from ecom.serving.bulk.inputs import make_plan, open_filesystem
from ecom.serving.bulk.reading import Block, read_blocks, read_schema
from ecom.serving.manifest import PackagedColumn
from ecom.serving.package import Package
from ecom.serving.profile import (
    NOT_ALLOWED,
    SCORE,
    UNKNOWN,
    Bins,
    Ints,
    Profile,
    bins_of,
    empty_profile,
)

SAMPLED: Final = 20_000  # sessions of a file that are held in memory
MOST_GROUPS: Final = 5_000  # blocks of sessions that belong together
_OUTCOME: Final = tuple(
    PackagedColumn.model_validate(vars(column)) for column in COLUMNS if column.name == TARGET
)


@dataclass(frozen=True)
class Rows:
    """Some sessions of a file.

    Attributes
    ----------
    values, wrong
        By column: values, and where they are not allowed; each of shape (n,).
    good : array of shape (n,)
        Where all are allowed.
    scores
        Of the good sessions.
    outcomes : array of shape (n,)
        As `ecom.serving.profile` numbers them.
    groups
        What block each belongs to, by name; None if none was asked for.
    faults
        What is not allowed.
    broken
        Lines among them that are no rows.
    """

    values: Mapping[str, NDArray[Any]]
    wrong: Mapping[str, NDArray[np.bool_]]
    good: NDArray[np.bool_]
    scores: Floats
    outcomes: Ints
    groups: list[str] | None
    faults: list[Fault]
    broken: int


@dataclass
class Counted:
    """What is known of a file.

    Attributes
    ----------
    profile
        Counts.
    groups
        Number of each block, by name; empty if there are none.
    wrong
        By column, how many values are not allowed, and the first of them.
    broken
        Lines that are no rows.
    """

    profile: Profile
    groups: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, tuple[int, Fault]] = field(default_factory=dict)
    broken: int = 0


def read_rows(address: str, package: Package, group: str | None) -> Iterator[Rows]:
    """Read the sessions of a file or folder, and score them.

    Parameters
    ----------
    address
        CSV or Parquet, plain or compressed; any address that fsspec opens.
    package
        What scores them.
    group
        Column that says which sessions belong together, such as their day. Times count as days.

    Raises
    ------
    DataError
        The file cannot be read, or lacks a column.
    """
    system, _ = open_filesystem(address)
    columns = package.manifest.columns
    seen: set[str] = set()
    for part in make_plan(address).parts:
        schema, name = read_schema(system, part), part.source.name
        labels = _OUTCOME if TARGET in schema.names else ()
        if name not in seen:
            require_columns(schema, (*columns, *labels), name, accept_float32=False)
            if group is not None and group not in schema.names:
                raise DataError(f"{name} has no column {group}, which --block names")
            seen.add(name)
        for block in read_blocks(system, part):
            yield _rows(block, package, labels, group)


def _rows(
    block: Block, package: Package, labels: tuple[PackagedColumn, ...], group: str | None
) -> Rows:
    table = block.table
    checked = check(table, package.manifest.columns)
    outcomes = np.full(len(table), UNKNOWN, np.int64)
    if labels:
        values, wrong = check(table, labels).read[TARGET]
        outcomes[~wrong] = values[~wrong].astype(np.int64)
    return Rows(
        values={name: values for name, (values, _) in checked.read.items()},
        wrong={name: wrong for name, (_, wrong) in checked.read.items()},
        good=checked.good,
        scores=package.scorer.score(checked.inputs).probability
        if checked.good.any()
        else np.empty(0),
        outcomes=outcomes,
        groups=None if group is None else _names(table.column(group)),
        faults=list(checked.faults),
        broken=len(block.broken),
    )


def _names(cells: pa.ChunkedArray) -> list[str]:
    if pa.types.is_timestamp(cells.type):
        cells = cells.cast(pa.date32(), safe=False)
    names: list[str] = pc.fill_null(cells.cast(pa.string()), "").to_pylist()
    return names


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
        self.groups = np.empty(0, object)

    def add(self, rows: Rows) -> None:
        """Let some sessions take part in the draw; a value that is not allowed is NaN."""
        size = len(rows.good)
        keys = np.append(self._keys, self._random.random(size))
        values = np.empty((size, len(self._columns)))
        for place, column in enumerate(self._columns):
            given = rows.values[column.name]
            values[:, place] = Bins(values=column.allowed).place(given) if column.allowed else given
            values[rows.wrong[column.name], place] = np.nan
        groups = np.array(rows.groups or [""] * size, object)
        values, groups = np.vstack([self.values, values]), np.append(self.groups, groups)
        if len(keys) > SAMPLED:
            kept = np.sort(np.argpartition(keys, SAMPLED)[:SAMPLED])
            keys, values, groups = keys[kept], values[kept], groups[kept]
        self._keys, self.values, self.groups = keys, values, groups

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
        blocks = np.zeros(size, np.int64)
        if some.groups is not None:
            numbers = counted.groups
            blocks[:] = [numbers.setdefault(name, len(numbers)) for name in some.groups]
            if len(numbers) > MOST_GROUPS:
                raise DataError(
                    f"--block names a column with more than {MOST_GROUPS:,} values: expected a "
                    "coarser one, such as the day"
                )
        for name in bins:
            right = ~some.wrong[name]
            profile[name] = profile[name].plus(
                some.values[name][right], some.outcomes[right], blocks[right]
            )
        profile[SCORE] = profile[SCORE].plus(
            some.scores, some.outcomes[some.good], blocks[some.good]
        )
        bad = np.append(~some.good, np.ones(some.broken, np.bool_)).astype(np.float64)
        profile[NOT_ALLOWED] = profile[NOT_ALLOWED].plus(
            bad,
            np.append(some.outcomes, np.full(some.broken, UNKNOWN)),
            np.append(blocks, np.full(some.broken, blocks[-1] if size else 0)),
        )
        counted.broken += some.broken
        for fault in some.faults:
            before, first = counted.wrong.get(fault.column, (0, fault))
            counted.wrong[fault.column] = before + 1, first
    return counted
