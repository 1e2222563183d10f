"""From text cells to typed sessions."""

import pandas as pd

from ecom.schema import BOOLEANS, COLUMNS


def to_types(table: pd.DataFrame) -> pd.DataFrame:
    """Give validated text cells the types of the schema.

    Parameters
    ----------
    table
        Text cells from `ecom.data.parsing.parse_csv`, or some of their columns, in which validation
        found no problem.

    Returns
    -------
    DataFrame of the same shape
        ``integer`` and ``boolean`` columns (1 for TRUE) as int64, ``number`` columns as float64,
        ``category`` columns as text.
    """
    typed: dict[str, pd.Series] = {}
    for column in (column for column in COLUMNS if column.name in table):
        cells = table[column.name]
        if column.type == "boolean":
            typed[column.name] = cells.str.lower().map(BOOLEANS).astype("int64")
        elif column.type == "integer":
            typed[column.name] = pd.to_numeric(cells).astype("int64")
        elif column.type == "number":
            typed[column.name] = pd.to_numeric(cells).astype("float64")
        else:
            typed[column.name] = cells
    return pd.DataFrame(typed)


def clean(table: pd.DataFrame, *, drop_duplicates: bool) -> pd.DataFrame:
    """Return typed sessions; with `drop_duplicates`, without rows that repeat an earlier one.

    Their index is that of `table`.
    """
    sessions = to_types(table)
    return sessions.drop_duplicates() if drop_duplicates else sessions
