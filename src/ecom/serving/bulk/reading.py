"""From a part of a file to blocks of rows, each with its place in the file."""

import bz2
import csv
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from ecom.errors import DataError
from ecom.serving.bulk.inputs import Part, compression, parquet_file, row_ends
from ecom.serving.sessions import LONGEST_TEXT
from ecom.storage import cause_of, storage_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

ROWS: Final = 20_000  # of a block
BYTES: Final = 1 << 21  # of CSV that are parsed at a time, about as many rows
NEWLINE: Final = b"\n"
_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True)
class Broken:
    """A line that is no row, what a row would be, and what came."""

    line: int
    rule: str
    value: str


@dataclass(frozen=True)
class Block:
    """Some rows of a part.

    Attributes
    ----------
    table
        The columns as the file has them; those of CSV are texts.
    places : array of shape (n,)
        Number of the line (CSV) or row (Parquet) of each.
    broken
        Lines among them that are no rows.
    """

    table: pa.Table
    places: NDArray[np.int64]
    broken: Sequence[Broken] = ()


def read_schema(system: "AbstractFileSystem", part: Part) -> pa.Schema:
    """Return names and types of a part's columns; those that its folders name come last.

    Raises
    ------
    DataError
        The file cannot be read, is damaged, has no header, or has a column twice.
    """
    with _opened(system, part) as opened:
        if part.source.kind == "parquet":
            schema = parquet_file(opened, part.source.name).schema_arrow
        else:
            names = _header(next(_rows(_plain(opened), part.source.name), (b"", 1))[0], part)
            schema = pa.schema([(name, pa.string()) for name in names])
    for name, _ in part.source.partition:
        schema = schema.append(pa.field(name, pa.string()))
    if twice := sorted({name for name in schema.names if schema.names.count(name) > 1}):
        raise DataError(f"{part.source.name} has two columns {', '.join(map(repr, twice))}")
    return schema


def read_blocks(system: "AbstractFileSystem", part: Part) -> Iterator[Block]:
    """Read a part, block by block.

    Raises
    ------
    DataError
        The file cannot be read, is damaged, or no UTF-8 text.
    """
    blocks = _of_parquet if part.source.kind == "parquet" else _of_csv
    for block in blocks(system, part):
        table = block.table
        for name, value in part.source.partition:
            table = table.append_column(name, pa.array([value] * len(table), pa.string()))
        yield Block(table, block.places, block.broken)


@contextmanager
def _opened(system: "AbstractFileSystem", part: Part) -> Iterator[Any]:
    try:
        with system.open(part.source.path, "rb") as opened:
            yield opened
    except storage_errors() as error:
        raise DataError(f"{part.source.name} cannot be read: {cause_of(error)}") from None


def _of_parquet(system: "AbstractFileSystem", part: Part) -> Iterator[Block]:
    place = part.first
    with _opened(system, part) as opened:
        file = parquet_file(opened, part.source.name)
        try:
            for batch in file.iter_batches(
                ROWS, row_groups=range(part.begin, part.end), use_threads=False
            ):
                places = np.arange(place, place + len(batch))
                place += len(batch)
                yield Block(pa.Table.from_batches([batch]), places)
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{part.source.name} is damaged at row {place:,} ({error}): fetch it again"
            ) from None


def _of_csv(system: "AbstractFileSystem", part: Part) -> Iterator[Block]:
    names = read_schema(system, part).names
    names = names[: len(names) - len(part.source.partition)]
    with _opened(system, part) as opened:
        if part.source.kind == "csv":
            opened.seek(part.begin)
            stream: Any = _Limited(opened, part.end - part.begin)
            chunks = _rows(stream, part.source.name, part.first)
        else:
            chunks = _rows(_plain(opened), part.source.name)
            next(chunks)  # the header
        for content, line in chunks:
            yield _parsed(content, line, names, part.source.name)


def _plain(opened: Any) -> Any:
    """Return a stream of the text of a file that may be compressed."""
    kind = compression(opened.read(16))
    opened.seek(0)
    match kind:
        case "gzip":
            return gzip.GzipFile(fileobj=opened)
        case "bz2":
            return _Streams(opened, bz2.BZ2Decompressor)
        case "xz":
            return _Streams(opened, lzma.LZMADecompressor)
    return opened


class _Streams:
    """The text of compressed streams, one after the other; none is left out if damaged."""

    def __init__(self, opened: Any, new: Callable[[], Any]) -> None:
        self._opened, self._new, self._held = opened, new, b""
        self._stream = new()

    def read(self, size: int) -> bytes:
        while True:
            if self._stream.eof:
                self._held = self._stream.unused_data or self._opened.read(size)
                if not self._held:
                    return b""
                self._stream = self._new()
            elif self._stream.needs_input:
                self._held = self._held or self._opened.read(size)
                if not self._held:
                    raise EOFError("it ends within a compressed stream")
            text: bytes = self._stream.decompress(self._held, size)
            self._held = b""
            if text:
                return text


class _Limited:
    """The next bytes of a stream, and no more."""

    def __init__(self, stream: Any, size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int) -> bytes:
        block: bytes = self._stream.read(min(size, self._left))
        self._left -= len(block)
        return block


def _rows(stream: Any, name: str, line: int = 1) -> Iterator[tuple[bytes, int]]:
    """Yield whole rows, about `BYTES` of them at a time, and the line that they begin with.

    What begins on line 1 is a header, and comes alone.
    """
    held, header = b"", line == 1
    try:
        while block := stream.read(BYTES):
            held += block
            ends = row_ends(held)
            if header and len(ends):
                end, header = int(ends[0]) + 1, False
                yield held[:end], line
                line += held.count(NEWLINE, 0, end)
                held, ends = held[end:], ends[1:] - end
            if len(ends) and len(held) >= BYTES:
                end = int(ends[-1]) + 1
                yield held[:end], line
                line += held.count(NEWLINE, 0, end)
                held = held[end:]
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"{name} is damaged or cut off ({error}): fetch it again") from None
    if held:
        yield held, line


def _header(row: bytes, part: Part) -> list[str]:
    text = _decoded(row, part.source.name).removeprefix("\ufeff").rstrip("\r\n")
    try:
        names = [name.strip() for name in next(csv.reader([text]), [])]
    except csv.Error as error:
        raise DataError(f"{part.source.name} is no table of text: {error}") from None
    if len(names) == 1:
        for separator, words in _SEPARATORS.items():
            if separator in names[0]:
                raise DataError(
                    f"{part.source.name}: columns are separated by {words}; expected commas"
                )
    return names


def _parsed(content: bytes, line: int, names: list[str], name: str) -> Block:
    """Parse whole rows; lines without as many fields as the header are told apart."""
    _decoded(content, name)  # Arrow would name neither file nor place
    ends = row_ends(content)
    if not len(ends) or ends[-1] != len(content) - 1:
        ends = np.append(ends, len(content))
    begins = np.append(0, ends[:-1] + 1)
    lengths = ends - begins
    array = np.frombuffer(content, np.uint8)
    newlines = np.flatnonzero(array == ord(NEWLINE))
    lines = line + np.searchsorted(newlines, begins)
    blank = (lengths == 0) | (
        (lengths == 1) & (array[np.minimum(begins, len(array) - 1)] == ord("\r"))
    )
    lines = lines[~blank]
    broken: list[Broken] = []
    skipped: list[int] = []

    def told(row: arrow_csv.InvalidRow) -> str:
        skipped.append(row.number - 1)
        rule = f"{row.expected_columns} fields, as the header has"
        value = f"{row.actual_columns}: {row.text[:LONGEST_TEXT]}"
        broken.append(Broken(int(lines[row.number - 1]), rule, value))
        return "skip"

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(content),
            read_options=arrow_csv.ReadOptions(
                column_names=names, use_threads=False, block_size=len(content) + 1
            ),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=told),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if not (~blank).any():
            return Block(pa.table({each: pa.array([], pa.string()) for each in names}), lines)
        raise DataError(f"{name}, from line {line:,} on: {error}") from None
    kept = np.delete(lines, skipped)
    if len(kept) != len(table) or content.count(b'"') % 2:
        raise DataError(
            f"{name}, between line {line:,} and {line + content.count(NEWLINE):,}: a quote is not "
            'closed, or a quote or a lone CR stands within a cell. Write such cells as "a ""b"" c"'
        )
    return Block(table, kept, broken)


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not UTF-8 text (at {content[error.start : error.start + 10]!r}): save it "
            "as UTF-8"
        ) from None
