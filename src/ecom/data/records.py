"""Sessions as records of one size in a file, to be read in any order without holding them all."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecom.schema import COLUMNS, Column

_KINDS: Final = {"integer": "<i8", "boolean": "<i8", "number": "<f8", "category": "i1"}
RECORD: Final = np.dtype([(column.name, _KINDS[column.type]) for column in COLUMNS])


def stored(tables: Iterable[pd.DataFrame], file: BinaryIO) -> Iterator[pd.DataFrame]:
    """Write typed sessions to a file, from its start, some at a time; yield them as they come."""
    file.seek(0)
    for table in tables:
        records = np.empty(len(table), RECORD)
        for column in COLUMNS:
            records[column.name] = _encoded(table[column.name], column)
        file.write(records.tobytes())
        yield table
    file.flush()


def sessions_at(file: BinaryIO, rows: NDArray[np.int64]) -> pd.DataFrame:
    """Return the typed sessions of some rows of a file, in their order, with the rows as index."""
    chosen = np.frombuffer(b"".join(_record(file, row) for row in rows.tolist()), RECORD)
    return pd.DataFrame(
        {column.name: _decoded(chosen[column.name], column) for column in COLUMNS},
        index=pd.Index(rows),
    )


def _record(file: BinaryIO, row: int) -> bytes:
    file.seek(row * RECORD.itemsize)
    return file.read(RECORD.itemsize)


def _encoded(cells: "pd.Series[str]", column: Column) -> NDArray[np.generic]:
    if column.type != "category":
        return cells.to_numpy()
    return pd.Index(column.allowed).get_indexer(pd.Index(cells))


def _decoded(values: NDArray[np.generic], column: Column) -> object:
    if column.type != "category":
        return np.ascontiguousarray(values)
    return pd.array(np.array(column.allowed, object)[values], dtype="str")
