"""Which rows can be scored: what the graphs take of them, and what is wrong with the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ecom.errors import DataError
from ecom.schema import BOOLEANS
from ecom.serving.manifest import PackagedColumn
from ecom.serving.sessions import Inputs, cut, range_rule

NUMBER: Final = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
MISSING: Final = "missing"


@dataclass(frozen=True)
class Fault:
    """A value that is not allowed, and where it is in a block."""

    row: int
    column: str
    rule: str
    value: str


@dataclass(frozen=True)
class Checked:
    """What of a block can be scored.

    Attributes
    ----------
    inputs
        What the graphs take, of the good rows.
    good : array of shape (n,)
        Which rows these are.
    read
        For each column, the values of all rows, and where they are not allowed.
    faults
        What is wrong with the others.
    """

    inputs: Inputs
    good: NDArray[np.bool_]
    read: Mapping[str, tuple[NDArray[Any], NDArray[np.bool_]]]
    faults: Sequence[Fault]


def require_columns(
    schema: pa.Schema, columns: Sequence[PackagedColumn], name: str, *, accept_float32: bool
) -> None:
    """Refuse a file that cannot be scored.

    Parameters
    ----------
    schema
        Of the file.
    columns
        What the package needs.
    name
        Of the file.
    accept_float32
        Whether numbers may have lost the digits that splits of trees need.

    Raises
    ------
    DataError
        A column is missing, or of a type that holds no such values.
    """
    if missing := [column.name for column in columns if column.name not in schema.names]:
        close = {_letters(each): each for each in schema.names}
        meant = [
            f"{close[_letters(each)]} for {each}" for each in missing if _letters(each) in close
        ]
        hint = f"; it has {', '.join(meant)}: rename" if meant else ""
        raise DataError(f"{name} has no column {', '.join(missing)}, which the model needs{hint}")
    for column in columns:
        kind = type_of_values(schema.field(column.name).type)
        if pa.types.is_null(kind) or is_text(kind):
            continue
        number = (
            pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
        )
        if column.type == "category" or not (number or pa.types.is_boolean(kind)):
            expected = "texts" if column.type == "category" else "numbers"
            raise DataError(f"{name}: {column.name} holds {kind}; expected {expected}")
        lost = pa.types.is_float32(kind) or pa.types.is_float16(kind)
        if column.type == "number" and lost and not accept_float32:
            raise DataError(
                f"{name}: {column.name} holds {kind}, which has lost digits that the model's "
                "splits need: scores would not be those of the values themselves. Write it as "
                "float64 from its source, or score it as it is with --accept-float32"
            )


def check(table: pa.Table, columns: Sequence[PackagedColumn]) -> Checked:
    """Tell rows that can be scored from those that cannot.

    Parameters
    ----------
    table
        Rows of a file that `require_columns` took.
    columns
        What the package needs.
    """
    good = np.ones(len(table), dtype=np.bool_)
    read: dict[str, tuple[NDArray[Any], NDArray[np.bool_]]] = {}
    faults: list[Fault] = []
    for column in columns:
        cells = _joined(table.column(column.name))
        values, wrong = (_texts if column.type == "category" else _numbers)(cells, column)
        read[column.name] = values, wrong
        if wrong.any():
            good &= ~wrong
            rule = rule_of(column)
            faults += [
                Fault(row, column.name, rule, _shown(cells[row]))
                for row in np.flatnonzero(wrong).tolist()
            ]
    whole = bool(good.all())
    inputs = {name: values if whole else values[good] for name, (values, _) in read.items()}
    faults.sort(key=lambda fault: fault.row)
    return Checked(inputs, good, read, faults)


def type_of_values(kind: pa.DataType) -> pa.DataType:
    """Return the type of what a column holds, which a dictionary may hold for it."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a type holds texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def rule_of(column: PackagedColumn) -> str:
    """Return what a value of a column must be, in words."""
    match column.type:
        case "boolean":
            return "TRUE or FALSE"
        case "category":
            return f"one of {', '.join(column.allowed)}"
    return range_rule(column)


def _joined(cells: pa.ChunkedArray) -> pa.Array:
    array = cells.combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _texts(cells: pa.Array, column: PackagedColumn) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if pa.types.is_null(cells.type):
        cells = cells.cast(pa.string())
    places = pc.index_in(pc.utf8_trim_whitespace(cells), pa.array(column.allowed, cells.type))
    found = places.fill_null(len(column.allowed)).to_numpy(zero_copy_only=False)
    allowed = np.array([*column.allowed, ""], dtype=object)
    return allowed[found], found == len(column.allowed)


def _numbers(cells: pa.Array, column: PackagedColumn) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    if is_text(cells.type):
        cells = _read(cells, column)
    if pa.types.is_decimal(cells.type):  # of which Arrow's own cast does not find the next double
        cells = cells.cast(pa.string())
    # Missing values become NaN, which is in no range.
    values = cells.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False)
    good = (column.minimum <= values) & (values <= column.maximum)
    if column.type != "number":
        good &= values == np.rint(values)
    return values, ~good


def _read(cells: pa.Array, column: PackagedColumn) -> pa.Array:
    """Read texts as numbers; what is none is missing."""
    cells = pc.utf8_trim_whitespace(cells)
    if column.type == "boolean":
        places = pc.index_in(pc.utf8_lower(cells), pa.array(list(BOOLEANS), cells.type))
        return pc.take(pa.array(list(BOOLEANS.values()), pa.float64()), places)
    try:
        numbers = cells.cast(pa.float64())
    except pa.ArrowInvalid:
        are_numbers = pc.match_substring_regex(cells, NUMBER)
        numbers = pc.if_else(are_numbers, cells, pa.scalar(None, cells.type)).cast(pa.float64())
    return numbers


def _shown(value: pa.Scalar) -> str:
    found = value.as_py()
    if found is None or found == "":
        return MISSING
    return cut(str(found))


def _letters(name: str) -> str:
    return "".join(filter(str.isalpha, name.lower()))
