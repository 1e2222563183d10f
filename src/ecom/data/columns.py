"""From the columns that a file has to those of the schema, as ``data`` in params.yaml says."""

import io
from collections.abc import Mapping

from ecom.errors import DataError
from ecom.schema import NAMES


def fit_columns(content: bytes, rename: Mapping[str, str], *, ignore_extra: bool) -> bytes:
    """Rename columns, and leave out those that the schema does not have.

    Parameters
    ----------
    content
        CSV text with a header.
    rename
        From the names in the file to those of `ecom.schema`.
    ignore_extra
        Whether other columns are left out.

    Returns
    -------
    bytes
        CSV text; the content as it is if there is nothing to do.

    Raises
    ------
    DataError
        A column that is to be renamed is not there, or the content is not a table.
    """
    if not rename and not ignore_extra:
        return content
    import pandas as pd

    try:
        table = pd.read_csv(
            io.BytesIO(content), dtype=str, keep_default_na=False, skipinitialspace=True
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"the file is not a table: {str(error).strip()}") from None
    table = table.set_axis([str(name).strip() for name in table.columns], axis=1)
    if missing := [name for name in rename if name not in table]:
        raise DataError(
            f"data.rename names {', '.join(map(repr, missing))}, which the file does not have: its "
            f"columns are {', '.join(table.columns)}"
        )
    table = table.rename(columns=dict(rename))
    if ignore_extra:
        table = table[[name for name in table if name in NAMES]]
    return table.to_csv(index=False, lineterminator="\n").encode()
