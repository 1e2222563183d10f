"""Sessions of files with what they score and, where it is known, what became of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ecom.errors import DataError
from ecom.schema import COLUMNS, TARGET
from ecom.serving.bulk.checking import Fault, check, require_columns
from ecom.serving.bulk.inputs import make_plan, open_filesystem
from ecom.serving.bulk.reading import Block, read_blocks, read_schema
from ecom.serving.manifest import PackagedColumn
from ecom.serving.package import Package
from ecom.serving.profile import UNKNOWN, Ints
from ecom.serving.scoring import Floats

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


def read_rows(
    address: str,
    package: Package,
    group: str | None = None,
    columns: Sequence[PackagedColumn] | None = None,
) -> Iterator[Rows]:
    """Read the sessions of a file or folder, and score them.

    Parameters
    ----------
    address
        CSV or Parquet, plain or compressed; any address that fsspec opens.
    package
        What scores them.
    group
        Column that says which sessions belong together, such as their day. Times count as days.
    columns
        That are read and checked; by default those that the package needs.

    Raises
    ------
    DataError
        The file cannot be read, or lacks a column.
    """
    system, _ = open_filesystem(address)
    columns = columns or package.manifest.columns
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
            yield rows_of(block, package, group, columns, labelled=bool(labels))


def rows_of(
    block: Block,
    package: Package,
    group: str | None,
    columns: Sequence[PackagedColumn],
    *,
    labelled: bool,
) -> Rows:
    """Check and score the sessions of a block.

    Parameters
    ----------
    block
        With all these columns, and that of the outcome if it is `labelled`.
    package, group, columns
        As of `read_rows`.
    labelled
        Whether there are outcomes.
    """
    table = block.table
    checked = check(table, columns)
    needed = {each.name: checked.inputs[each.name] for each in package.manifest.columns}
    outcomes = np.full(len(table), UNKNOWN, np.int64)
    if labelled:
        values, wrong = check(table, _OUTCOME).read[TARGET]
        outcomes[~wrong] = values[~wrong].astype(np.int64)
    return Rows(
        values={name: values for name, (values, _) in checked.read.items()},
        wrong={name: wrong for name, (_, wrong) in checked.read.items()},
        good=checked.good,
        scores=package.scorer.score(needed).probability if checked.good.any() else np.empty(0),
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
