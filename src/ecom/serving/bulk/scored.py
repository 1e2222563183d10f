"""From blocks of rows to blocks with scores, in the form that they are written."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from ecom.errors import DataError
from ecom.serving.bulk.checking import Checked, check, is_text, type_of_values
from ecom.serving.bulk.reading import Block
from ecom.serving.manifest import PackagedColumn
from ecom.serving.package import Package

# Of what comes as text; categories stay text.
TYPES: Final = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
REASONS: Final = 3  # columns with the largest contributions


class Columns(NamedTuple):
    """Names and types of what is written: the file's own columns, then those that are added."""

    own: pa.Schema
    added: pa.Schema

    @property
    def all(self) -> pa.Schema:
        """Return one schema of both."""
        return pa.schema([*self.own, *self.added])


def written_columns(
    schema: pa.Schema, columns: Sequence[PackagedColumn], name: str, *, text: bool, explain: bool
) -> Columns:
    """Return the columns of the output.

    Parameters
    ----------
    schema
        Of the input.
    columns
        Of the package: as Parquet, texts of CSV get the types of these.
    name
        Of the input, for messages.
    text
        Whether CSV is written, in which every cell stays as it came.
    explain
        Whether reasons are added.

    Raises
    ------
    DataError
        The input has a column of a name that is to be added, or that CSV cannot hold.
    """
    types = {column.name: TYPES[column.type] for column in columns if column.type in TYPES}
    own = (
        pa.schema([field.with_type(type_of_values(field.type)) for field in schema])
        if text
        else pa.schema(
            [
                field.with_type(types[field.name])
                if field.name in types and is_text(field.type)
                else field
                for field in schema
            ]
        )
    )
    added = [
        pa.field("probability", pa.float64()),
        pa.field("flagged", pa.bool_()),
        pa.field("model_version", pa.string()),
    ]
    if explain:
        for place in range(1, REASONS + 1):
            added += [
                pa.field(f"reason_{place}", pa.string()),
                pa.field(f"contribution_{place}", pa.float64()),
            ]
    if text and (kept := [field for field in schema if not _is_plain(field.type)]):
        raise DataError(f"{name}: CSV cannot hold {kept[0].name}, of {kept[0].type}: write Parquet")
    if taken := [field.name for field in added if field.name in schema.names]:
        raise DataError(f"{name} has columns {', '.join(taken)} already: rename or drop them")
    own = pa.schema([field.with_nullable(True) for field in own])  # a bad cell is missing
    return Columns(own, pa.schema(added))


def _is_plain(kind: pa.DataType) -> bool:
    """Tell whether CSV can hold values of a type."""
    kind = type_of_values(kind)
    nested = pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return not nested and not pa.types.is_fixed_size_binary(kind)


class ScoredBlock(NamedTuple):
    """What is written of a block, and what was found wrong with it."""

    table: pa.Table
    checked: Checked
    flagged: int


def score(package: Package, block: Block, columns: Columns) -> ScoredBlock:
    """Score the rows that can be; the others have no probability."""
    checked = check(block.table, package.manifest.columns)
    size, good = len(block.table), checked.good
    added: dict[str, pa.Array] = {}
    if good.any():
        answers = package.scorer.score(checked.inputs)
        probability, flagged = answers.probability, answers.flagged
    else:
        probability, flagged = np.empty(0), np.empty(0, np.bool_)
    added["probability"] = _spread(probability, good, pa.float64())
    added["flagged"] = _spread(flagged, good, pa.bool_())
    added["model_version"] = pa.array([package.version] * size, pa.string())
    if "reason_1" in columns.added.names:
        added |= _reasons(package, checked)
    own = [_own(block, checked, field) for field in columns.own]
    table = pa.Table.from_arrays([*own, *added.values()], schema=columns.all)
    return ScoredBlock(table, checked, int(flagged.sum()))


def _reasons(package: Package, checked: Checked) -> dict[str, pa.Array]:
    """Return the columns that move the log-odds most, the largest first, with how much they do."""
    names = np.array([column.name for column in package.manifest.columns], dtype=object)
    if checked.good.any():
        contributions = package.scorer.contribute(checked.inputs).contributions
    else:
        contributions = np.empty((0, len(names)))
    largest = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :REASONS]
    found: dict[str, pa.Array] = {}
    for place in range(min(REASONS, len(names))):
        chosen = largest[:, place]
        values = contributions[np.arange(len(chosen)), chosen]
        found[f"reason_{place + 1}"] = _spread(names[chosen], checked.good, pa.string())
        found[f"contribution_{place + 1}"] = _spread(values, checked.good, pa.float64())
    return found


def _spread(values: Any, good: Any, kind: pa.DataType) -> pa.Array:
    """Return values of the good rows, and nothing for the others."""
    if good.all():
        return pa.array(values, kind)
    spread = np.zeros(len(good), dtype=values.dtype)
    spread[good] = values
    return pa.array(spread, kind, mask=~good)


def _own(block: Block, checked: Checked, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    """Return a column as it came; if it came as text, with its type where its value is allowed."""
    cells = block.table.column(field.name)
    if cells.type == field.type:
        return cells
    if pa.types.is_dictionary(cells.type):
        return cells.cast(field.type)
    values, wrong = checked.read[field.name]
    return pa.array(np.where(wrong, 0, values), mask=wrong).cast(field.type)
