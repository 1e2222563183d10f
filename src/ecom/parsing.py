"""From the bytes of a raw file to a table of text cells, or to an error that names the cause."""

import csv
import io
import warnings
from collections import Counter

import pandas as pd

from ecom.contents import likely_cause
from ecom.errors import DataError
from ecom.schema import NAMES

NAMES_SHOWN, NAME_SHOWN = 20, 60
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "spaces"}


def parse_csv(content: bytes) -> pd.DataFrame:
    r"""Read a CSV file of sessions into text cells, whatever the order of its columns.

    Parameters
    ----------
    content
        A whole file: UTF-8 with or without byte order mark, comma-separated, with a header.

    Returns
    -------
    DataFrame of shape (n_sessions, 18)
        The columns of `ecom.schema.NAMES` in that order. Cells are text, empty cells missing.
        Unless a quoted cell spans lines, row ``i`` stands on line ``i + 2`` of the file.

    Raises
    ------
    DataError
        The content is no such file; the message names the likely cause.

    Examples
    --------
    >>> parse_csv(b"Administrative;Revenue\n0;FALSE\n")
    Traceback (most recent call last):
    ecom.errors.DataError: the columns are separated by semicolons; expected commas
    """
    cause = likely_cause(content)
    if cause:
        raise DataError(f"the file is {cause}")
    try:
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"the file is not UTF-8 text (byte {error.start}): save it as UTF-8"
        ) from None
    _check_header(_fields(text.partition("\n")[0].rstrip("\r")))
    _check_end(text)
    try:
        with warnings.catch_warnings():
            # pandas only warns where it drops the fields that a row has too many.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.StringIO(text), dtype=str, keep_default_na=False, na_values=[""],
                skip_blank_lines=False, index_col=False,
            )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(
            f"the rows do not all have {len(NAMES)} fields: {str(error).strip().rstrip('.')}"
        ) from None
    return table[list(NAMES)]


def _check_header(header: list[str]) -> None:
    if len(header) == 1:
        for separator, name in _SEPARATORS.items():
            if set(header[0].split(separator)) & set(NAMES) and separator in header[0]:
                raise DataError(f"the columns are separated by {name}; expected commas")
    if not set(header) & set(NAMES):
        raise DataError(
            f"the first line is no header of known columns (it starts {','.join(header)[:60]!r}); "
            f"expected {','.join(NAMES)}"
        )
    missing = [name for name in NAMES if name not in header]
    unexpected = [name for name in header if name not in NAMES]
    repeated = sorted(name for name, count in Counter(header).items() if count > 1)
    faults = [
        f"{fault} {_listed(names)}"
        for fault, names in (
            ("missing", missing), ("unexpected", unexpected), ("repeated", repeated),
        )
        if names
    ]  # fmt: skip
    if faults:
        raise DataError(f"the header has columns {'; '.join(faults)}; expected {','.join(NAMES)}")


def _listed(names: list[str]) -> str:
    """Return names as a message can hold them: the first ones, and of each its beginning."""
    first = [repr(name[:NAME_SHOWN]) for name in names[:NAMES_SHOWN]]
    return ", ".join([*first, f"... ({len(names):,} in all)"] if names[NAMES_SHOWN:] else first)


def _check_end(text: str) -> None:
    """Raise if the last line stops short, as after an interrupted download."""
    fields = _fields(text[text.rfind("\n") + 1 :])
    if len(fields) < len(NAMES):
        raise DataError(
            f"the file ends in the middle of a row (line {text.count(chr(10)) + 1} has "
            f"{len(fields)} of {len(NAMES)} fields): truncated on its way? Fetch it again"
        )


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error as error:
        raise DataError(f"the file is not comma-separated lines of text: {error}") from None
