"""From the bytes of a raw file to a table of text cells, or to an error that names the cause."""

import codecs
import csv
import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pandas as pd

from ecom.data.contents import binary, likely_cause
from ecom.errors import DataError
from ecom.schema import NAMES

Readable = io.BufferedReader | io.BytesIO  # in binary mode, from any place
ROWS: Final = 1 << 16  # read at a time
BLOCK: Final = 1 << 22  # bytes looked over at a time
MAX_NAMES: Final = 20  # in a message
MAX_NAME: Final = 60  # characters of a name in a message
# Spaces about a cell.
_PADDED: Final = re.compile(r"[ \t](,|$)|(^|,)[ \t]|[ \t]\"|\"[ \t]", re.MULTILINE)
_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "spaces"}


def read_chunks(file: Readable, rows: int = ROWS) -> Iterator[pd.DataFrame]:
    """Read a CSV file of sessions into text cells, some rows at a time.

    The whole file is looked over before the first rows come, so that it is refused as a whole.

    Parameters
    ----------
    file
        As of `parse_csv`, open in binary mode; it can be read from any place.
    rows
        How many come at a time.

    Yields
    ------
    DataFrame of shape (n, 18)
        As of `parse_csv`; the index is the row's number in the file. A file without rows yields one
        frame without any.

    Raises
    ------
    DataError
        As of `parse_csv`.
    """
    survey = _look_over(file)
    text = io.TextIOWrapper(
        io.BufferedReader(_Until(file, survey.end)), encoding="utf-8-sig", newline=""
    )
    reader: Iterator[pd.DataFrame] | None = None
    empty = True
    while True:
        try:
            with warnings.catch_warnings():
                # pandas drops the surplus fields of a row, and only warns.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                if reader is None:
                    reader = pd.read_csv(
                        text,
                        dtype=str,
                        keep_default_na=False,
                        na_values=[""],
                        skip_blank_lines=False,
                        skipinitialspace=True,
                        index_col=False,
                        chunksize=rows,
                    )
                chunk = next(reader, None)
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            raise DataError(
                f"the rows do not all have {len(NAMES)} fields: {str(error).strip().rstrip('.')}"
            ) from None
        if chunk is None:
            break
        empty = False
        chunk = chunk.set_axis([name.strip() for name in chunk.columns], axis=1)[list(NAMES)]
        if survey.is_padded:
            chunk = chunk.apply(lambda cells: cells.str.strip()).replace("", None)
        yield chunk
    if empty:
        yield pd.DataFrame({name: pd.Series(dtype=str) for name in NAMES})


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
    return pd.concat(list(read_chunks(io.BytesIO(content))))


def ends_in_newline(file: Readable) -> bool:
    """Tell whether the last line of a file that is not empty is whole."""
    file.seek(-1, io.SEEK_END)
    return file.read(1) == b"\n"


class _Until(io.RawIOBase):
    """The first bytes of a file, without the line ends after its last row."""

    def __init__(self, file: Readable, end: int) -> None:
        self._file, self._left = file, end
        file.seek(0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._file.read(min(len(buffer), self._left))
        self._left -= len(found)
        buffer[: len(found)] = found
        return len(found)


class _Survey(NamedTuple):
    """What is known of a file before its rows are read.

    Attributes
    ----------
    end
        Bytes up to the end of the last row.
    is_padded
        Whether there are spaces about a cell.
    """

    end: int
    is_padded: bool


def _look_over(file: Readable) -> _Survey:
    """Look at every byte of a file once; refuse what is no table of sessions."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    position = end = lines = lines_to_end = 0
    is_padded, begun = False, ""  # a line that goes on in the next block
    while (block := file.read(BLOCK)) or position == 0:
        if cause := binary(block) if position else likely_cause(block):
            raise DataError(f"the file is {cause}")
        text = _decoded(decoder, block, position)
        if position == 0:
            _check_header(_fields(text.partition("\n")[0].rstrip("\r")))
        if stripped := block.rstrip(b"\r\n"):
            end, lines_to_end = position + len(stripped), lines + stripped.count(b"\n")
        position, lines = position + len(block), lines + block.count(b"\n")
        whole, separator, begun = (begun + text).rpartition("\n")
        is_padded = is_padded or bool(_PADDED.search(whole + separator))
    _decoded(decoder, b"", position)
    file.seek(max(0, end - BLOCK))
    tail = file.read(min(end, BLOCK))
    last = tail[tail.rfind(b"\n") + 1 :].decode("utf-8-sig", errors="replace")
    _check_end(last, lines_to_end + 1)
    return _Survey(end, is_padded or bool(_PADDED.search(last)))


def _decoded(decoder: codecs.IncrementalDecoder, block: bytes, position: int) -> str:
    """Decode what comes next, at a position of the file; nothing comes after an empty block."""
    waiting = len(decoder.getstate()[0])
    try:
        return decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        raise DataError(
            f"the file is not UTF-8 text (byte {position - waiting + error.start}): save it as "
            "UTF-8"
        ) from None


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


def _check_end(line: str, number: int) -> None:
    """Raise if the last line is incomplete, as after an interrupted download."""
    fields = _fields(line)
    if len(fields) < len(NAMES):
        raise DataError(
            f"the file ends in the middle of a row (line {number} has {len(fields)} of "
            f"{len(NAMES)} fields): was it truncated? Fetch it again"
        )


def _fields(line: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([line], skipinitialspace=True), [])]
    except csv.Error as error:
        raise DataError(f"the file is not comma-separated lines of text: {error}") from None
