"""From the columns that a file has to those of the schema, as ``data`` in params.yaml says."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecom.errors import DataError
from ecom.schema import NAMES

if TYPE_CHECKING:
    import pandas as pd

ROWS: Final = 1 << 16  # read at a time


def fit_columns(
    source: Path, target: Path, rename: Mapping[str, str], *, ignore_extra: bool
) -> None:
    """Write a file with columns renamed, and without those that the schema does not have.

    Parameters
    ----------
    source
        CSV text with a header.
    target
        The file to write.
    rename
        From the names in the file to those of `ecom.schema`.
    ignore_extra
        Whether other columns are left out.

    Raises
    ------
    DataError
        A column that is to be renamed is not there, or the content is not a table.
    """
    import pandas as pd

    try:
        with (
            pd.read_csv(
                source, dtype=str, keep_default_na=False, skipinitialspace=True, chunksize=ROWS
            ) as tables,
            target.open("w", encoding="utf-8", newline="") as written,
        ):
            for number, table in enumerate(tables):
                fitted = _fitted(table, rename, ignore_extra=ignore_extra)
                fitted.to_csv(written, index=False, lineterminator="\n", header=number == 0)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"the file is not a table: {str(error).strip()}") from None


def _fitted(
    table: "pd.DataFrame", rename: Mapping[str, str], *, ignore_extra: bool
) -> "pd.DataFrame":
    table = table.set_axis([str(name).strip() for name in table.columns], axis=1)
    if missing := [name for name in rename if name not in table]:
        raise DataError(
            f"data.rename names {', '.join(map(repr, missing))}, which the file does not have: its "
            f"columns are {', '.join(table.columns)}"
        )
    table = table.rename(columns=dict(rename))
    return table[[name for name in table if name in NAMES]] if ignore_extra else table
