"""From the bytes of a raw file to a table of text cells, or to an error that names the cause."""

import csv
import io
import re
import warnings
from collections import Counter
from typing import Final

import pandas as pd

from ecom.data.contents import likely_cause
from ecom.errors import DataError
from ecom.schema import NAMES

MAX_NAMES: Final = 20  # in a message
MAX_NAME: Final = 60  # characters of a name in a message
# Spaces about a cell.
_PADDED: Final = re.compile(r"[ \t](,|$)|(^|,)[ \t]|[ \t]\"|\"[ \t]", re.MULTILINE)
_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "spaces"}


def parse_csv(content: bytes) -> pd.DataFrame:
    r"""Read a CSV file of sessions into text cells. Its columns may be in any order.

    Parameters
    ----------
    content
        The whole file: UTF-8 with or without byte order mark, comma-separated, with a header.

    Returns
    -------
    DataFrame of shape (n_sessions, 18)
        The columns of `ecom.schema.NAMES` in that order. Cells are text; empty cells are missing.
        Row ``i`` is on line ``i + 2`` of the file, unless a quoted cell spans several lines.

    Raises
    ------
    DataError
        The content is not such a file; the message names the likely cause.

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
            # pandas drops the surplus fields of a row, and only warns.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.StringIO(text),
                dtype=str,
                keep_default_na=False,
                na_values=[""],
                skip_blank_lines=False,
                skipinitialspace=True,
                index_col=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(
            f"the rows do not all have {len(NAMES)} fields: {str(error).strip().rstrip('.')}"
        ) from None
    table = table.set_axis([name.strip() for name in table.columns], axis=1)[list(NAMES)]
    if _PADDED.search(text):
        table = table.apply(lambda cells: cells.str.strip()).replace("", None)
    return table


def _check_header(header: list[str]) -> None:
    if len(header) == 1:
        for separator, name in _SEPARATORS.items():
            if set(header[0].split(separator)) & set(NAMES) and separator in header[0]:
                raise DataError(f"the columns are separated by {name}; expected commas")
    if spelled := _spelled_differently(header):
        raise DataError(
            "the header spells columns differently: rename them, or set data.rename in params.yaml "
            f"to {{{', '.join(f'{theirs}: {ours}' for theirs, ours in spelled.items())}}}"
        )
    if not set(header) & set(NAMES):
        raise DataError(
            "the first line is not a header of known columns (it starts "
            f"{','.join(header)[:60]!r}); expected {','.join(NAMES)}"
        )
    missing = [name for name in NAMES if name not in header]
    unexpected = [name for name in header if name not in NAMES]
    repeated = sorted(name for name, count in Counter(header).items() if count > 1)
    faults = [
        f"{fault} {_listed(names)}"
        for fault, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("repeated", repeated),
        )
        if names
    ]
    if faults:
        advice = ""
        if unexpected and not missing and not repeated:
            advice = " To leave out other columns, set data.ignore_extra: true in params.yaml"
        if header[0] == "":
            advice = (
                " The first column has no name: is it an index? Save the table without it." + advice
            )
        elif header[-1] == "":
            advice = f" The last column has no name: does each line end in a comma?{advice}"
        raise DataError(
            f"columns of the header are {'; '.join(faults)}; expected {','.join(NAMES)}.{advice}"
        )


def _spelled_differently(header: list[str]) -> dict[str, str]:
    """Return the schema's names of columns that differ only in case, spaces or underscores."""
    ours = {_letters(name): name for name in NAMES if name not in header}
    return {name: ours[_letters(name)] for name in header if _letters(name) in ours}


def _letters(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower())


def _listed(names: list[str]) -> str:
    """Return names as a message can hold them: not too many, and none too long."""
    first = [repr(name[:MAX_NAME]) for name in names[:MAX_NAMES]]
    return ", ".join([*first, f"... ({len(names):,} in all)"] if names[MAX_NAMES:] else first)


def _check_end(text: str) -> None:
    """Raise if the last line is incomplete, as after an interrupted download."""
    fields = _fields(text[text.rfind("\n") + 1 :])
    if len(fields) < len(NAMES):
        raise DataError(
            f"the file ends in the middle of a row (line {text.count(chr(10)) + 1} has "
            f"{len(fields)} of {len(NAMES)} fields): was it truncated? Fetch it again"
        )


def _fields(line: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([line], skipinitialspace=True), [])]
    except csv.Error as error:
        raise DataError(f"the file is not comma-separated lines of text: {error}") from None
