"""Sessions of files with what they score and, where it is known, what became of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ecom.errors import DataError
from ecom.schema import COLUMNS, FEATURES, TARGET
from ecom.serving.bulk.checking import MISSING, Fault, check, require_columns
from ecom.serving.bulk.inputs import make_plan, open_filesystem
from ecom.serving.bulk.reading import Block, read_blocks, read_schema
from ecom.serving.manifest import TRAINED_ON, PackagedColumn
from ecom.serving.package import Package
from ecom.serving.profile import UNKNOWN, Ints
from ecom.serving.scoring import Floats
from ecom.serving.training import session_hashes

TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:"
DAY: Final = 10  # characters of the day in a time
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
    outcomes : array of shape (n,)
        As `ecom.serving.profile` numbers them.
    blocks
        What block each belongs to, by name; None if none was asked for.
    faults
        What is not allowed.
    broken
        Lines among them that are no rows.
    inputs
        Values of the good sessions.
    package
        What scores them.
    """

    values: Mapping[str, NDArray[Any]]
    wrong: Mapping[str, NDArray[np.bool_]]
    good: NDArray[np.bool_]
    outcomes: Ints
    blocks: list[str] | None
    faults: list[Fault]
    broken: int
    inputs: Mapping[str, NDArray[Any]]
    package: Package

    @cached_property
    def scores(self) -> Floats:
        """Scores of the good sessions."""
        if not self.good.any():
            return np.empty(0)
        needed = {each.name: self.inputs[each.name] for each in self.package.manifest.columns}
        return self.package.scorer.score(needed).probability

    @cached_property
    def fitted_to(self) -> NDArray[np.bool_]:
        """Which of the good sessions are like one that the model was fitted to.

        All False if the file lacks columns by which they are known, or the package their hashes.
        """
        known = TRAINED_ON in self.package.contents and self.inputs.keys() >= set(FEATURES)
        if not known or not self.good.any():
            return np.zeros(int(self.good.sum()), np.bool_)
        return np.isin(session_hashes(self.inputs, FEATURES), self.package.trained_on)


def read_rows(
    address: str,
    package: Package,
    block: str | None = None,
    columns: Sequence[PackagedColumn] | None = None,
) -> Iterator[Rows]:
    """Read the sessions of a file or folder, and score them.

    Parameters
    ----------
    address
        CSV or Parquet, plain or compressed; any address that fsspec opens.
    package
        What scores them.
    block
        Column that says which sessions belong together, such as their day; of a time, the day.
    columns
        That are read and checked; by default those that the package needs.

    Raises
    ------
    DataError
        The file cannot be read, or lacks a column.
    """
    if not address:
        raise DataError("no address is given: expected a file or folder of sessions")
    system, _ = open_filesystem(address)
    columns = columns or package.manifest.columns
    seen: set[str] = set()
    empty = True
    for part in make_plan(address).parts:
        schema, name = read_schema(system, part), part.source.name
        labels = _OUTCOME if TARGET in schema.names else ()
        if name not in seen:
            require_columns(schema, (*columns, *labels), name, accept_float32=False)
            if block is not None and block not in schema.names:
                raise DataError(f"{name} has no column {block}, which --block names")
            seen.add(name)
        for rows in read_blocks(system, part):
            empty = empty and not len(rows.table) and not rows.broken
            yield rows_of(rows, package, block, columns, labelled=bool(labels))
    if empty:
        raise DataError(f"{address} holds no sessions")


def rows_of(
    rows: Block,
    package: Package,
    block: str | None,
    columns: Sequence[PackagedColumn],
    *,
    labelled: bool,
) -> Rows:
    """Check and score the sessions of a block.

    Parameters
    ----------
    rows
        With all these columns, and that of the outcome if it is `labelled`.
    package, block, columns
        As of `read_rows`.
    labelled
        Whether there are outcomes.
    """
    table = rows.table
    checked = check(table, columns)
    outcomes = np.full(len(table), UNKNOWN, np.int64)
    faults = list(checked.faults)
    if labelled:
        found = check(table, _OUTCOME)
        values, wrong = found.read[TARGET]
        outcomes[~wrong] = values[~wrong].astype(np.int64)
        faults += [fault for fault in found.faults if fault.value != MISSING]
    return Rows(
        values={name: values for name, (values, _) in checked.read.items()},
        wrong={name: wrong for name, (_, wrong) in checked.read.items()},
        good=checked.good,
        outcomes=outcomes,
        blocks=None if block is None else _names(table.column(block), block),
        faults=faults,
        broken=len(rows.broken),
        inputs=checked.inputs,
        package=package,
    )


def _names(cells: pa.ChunkedArray, column: str) -> list[str]:
    if pa.types.is_nested(cells.type):
        raise DataError(f"{column}, which --block names, holds {cells.type}; expected texts")
    if pa.types.is_timestamp(cells.type):
        cells = cells.cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    texts = cells.cast(pa.string())
    names: list[str | None] = pc.if_else(
        pc.match_substring_regex(texts, TIME), pc.utf8_slice_codeunits(texts, 0, DAY), texts
    ).to_pylist()
    if not all(names):
        raise DataError(f"{column}, which --block names, is empty in some rows: expected a block")
    return [str(name) for name in names]
