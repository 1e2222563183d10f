"""What is to be scored: files, cut into parts that can be read on their own."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote

import fsspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from ecom.errors import DataError
from ecom.storage import cause_of, storage_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

Kind = Literal["csv", "compressed csv", "parquet"]
PART_ROWS: Final = 200_000  # about as many of a part; more in a row group of Parquet that has more
BLOCK: Final = 1 << 24  # bytes that are read at a time
_QUOTE, _NEWLINE = ord('"'), ord("\n")
_COMPRESSED: Final = {  # how a file begins
    "gzip": re.compile(rb"\x1f\x8b"),
    "bz2": re.compile(rb"BZh[1-9]1AY&SY"),
    "xz": re.compile(rb"\xfd7zXZ\0"),
}
_OTHERS: Final = {
    b"PK\3\4": "a zip archive: unpack it",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: decompress it",
    b"ARROW1": "a Feather file: save it as Parquet",
    b"\xff\xfe": "UTF-16 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
}
START: Final = 4096  # bytes that tell what a file is
ENDINGS: Final = (".csv", ".parquet", ".pq")
PACKED: Final = (".gz", ".bz2", ".xz")


@dataclass(frozen=True)
class Source:
    """A file to score.

    Attributes
    ----------
    path
        On its file system.
    name
        Relative to the folder, or the file's own name.
    kind
        By its first bytes.
    digest
        BLAKE2 hash of its bytes.
    partition
        Columns that the folders above it name, such as ``Month=Nov``.
    """

    path: str
    name: str
    kind: Kind
    digest: str
    partition: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Part:
    """Some rows of a file, which become one part of the output.

    Attributes
    ----------
    source
        The file.
    begin, end
        Bytes of CSV without its header, or row groups of Parquet.
    first
        Number of the line (CSV) or row (Parquet, from 1) that it begins with.
    rows
        How many rows, or lines of CSV; None if that is only known once the file was read, as of
        compressed CSV.
    """

    source: Source
    begin: int
    end: int
    first: int
    rows: int | None


@dataclass(frozen=True)
class Plan:
    """All parts, in order.

    Attributes
    ----------
    parts
        Every row of every file is in exactly one.
    root
        Path of the folder that is scored, or of the folder with the file.
    folder
        Whether a folder is scored, or a file.
    passed_over
        Names of files in it that are no tables by their names.
    """

    parts: tuple[Part, ...]
    root: str
    folder: bool
    passed_over: tuple[str, ...] = ()

    @property
    def rows(self) -> int | None:
        """About how many rows there are, if it is known."""
        counts = [part.rows for part in self.parts]
        return None if None in counts else sum(filter(None, counts))


def open_filesystem(address: str) -> "tuple[AbstractFileSystem, str]":
    """Return the file system of an address, and the path on it.

    Raises
    ------
    DataError
        There is no such kind of address, or a package for it is missing.
    """
    if "://" not in address:  # a path, whatever characters it has
        return fsspec.filesystem("file"), absolute(address)
    try:
        found: tuple[AbstractFileSystem, str] = fsspec.core.url_to_fs(address)
    except Exception as error:  # noqa: BLE001  of whatever file systems there are
        raise DataError(f"{address} cannot be opened: {error!r:.200}") from None
    return found


def absolute(address: str) -> str:
    """Return an address that names the same in any working directory."""
    return address if "://" in address else str(Path(address).absolute())


def make_plan(address: str, part_rows: int = PART_ROWS) -> Plan:
    """Plan the scoring of a file or folder; reads every byte of CSV once, for hash and row ends.

    Parameters
    ----------
    address
        Of a file, or of a folder with files in it or in its folders: CSV, plain or compressed, or
        Parquet. Any address that fsspec opens.
    part_rows
        About how many rows a part has.

    Raises
    ------
    DataError
        There is no such file, or it is neither CSV nor Parquet.
    """
    system, root = open_filesystem(address)
    others: list[str] = []
    try:
        if system.isfile(root):
            tables, folder = [PurePosixPath(root).name], False
            root = str(PurePosixPath(root).parent)
        elif system.isdir(root):
            (tables, others), folder = _files_in(system, root), True
        else:
            raise DataError(f"{address} is no file and no folder: expected sessions to score")
        if not tables:
            raise DataError(f"{address} holds no file that ends in {', '.join(ENDINGS)}")
        parts = [
            part
            for name in tables
            for part in _parts(system, str(PurePosixPath(root) / name), name, part_rows)
        ]
    except storage_errors() as error:
        raise DataError(f"{address} cannot be read: {cause_of(error)}") from None
    return Plan(tuple(parts), root, folder, tuple(others))


def _files_in(system: "AbstractFileSystem", root: str) -> tuple[list[str], list[str]]:
    """Return the names of the tables in a folder, and of other files; hidden ones are neither."""
    tables: list[str] = []
    others: list[str] = []
    for path in system.find(root):
        name = PurePosixPath(path).relative_to(PurePosixPath(root))
        if any(part.startswith((".", "_")) for part in name.parts):
            continue
        plain = name.name.lower()
        for ending in PACKED:
            plain = plain.removesuffix(ending)
        (tables if plain.endswith(ENDINGS) else others).append(str(name))
    return sorted(tables), sorted(others)


def _parts(system: "AbstractFileSystem", path: str, name: str, part_rows: int) -> Iterator[Part]:
    kind = _kind(system, path, name)
    partition = tuple(
        (key, unquote(value))
        for key, separator, value in (folder.partition("=") for folder in name.split("/")[:-1])
        if separator
    )

    def source(digest: str) -> Source:
        return Source(path, name, kind, digest, partition)

    if kind == "parquet":
        yield from _parquet_parts(system, source(_digest(system, path)), part_rows)
    elif kind == "csv":
        digest, cuts = _scan(system, path, part_rows)
        for (begin, first), (end, last) in pairwise(cuts):
            yield Part(source(digest), begin, end, first, last - first)
    else:
        yield Part(source(_digest(system, path)), 0, -1, 2, None)


def _kind(system: "AbstractFileSystem", path: str, name: str) -> Kind:
    with system.open(path, "rb") as opened:
        start = opened.read(START)
    if start.startswith(b"PAR1"):
        return "parquet"
    if compression(start):
        return "compressed csv"
    for magic, cause in _OTHERS.items():
        if start.startswith(magic):
            raise DataError(f"{name} is {cause}")
    if not start.strip():
        raise DataError(f"{name} is empty")
    return "csv"


def compression(start: bytes) -> str | None:
    """Return how a file is compressed, as fsspec names it, by its first bytes."""
    return next((kind for kind, magic in _COMPRESSED.items() if magic.match(start)), None)


def _digest(system: "AbstractFileSystem", path: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with system.open(path, "rb") as opened:
        while block := opened.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _parquet_parts(system: "AbstractFileSystem", source: Source, part_rows: int) -> Iterator[Part]:
    with system.open(source.path, "rb") as opened:
        metadata = parquet_file(opened, source.name).metadata
        counts = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    begin, first, rows = 0, 1, 0
    for group, count in enumerate(counts):
        if rows and rows + count > part_rows:
            yield Part(source, begin, group, first, rows)
            begin, first, rows = group, first + rows, 0
        rows += count
    yield Part(source, begin, len(counts), first, rows)


def parquet_file(opened: Any, name: str) -> parquet.ParquetFile:
    """Open Parquet.

    Raises
    ------
    DataError
        It is damaged.
    """
    try:
        return parquet.ParquetFile(opened)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name} is damaged or cut off ({error}): fetch it again") from None


def _scan(
    system: "AbstractFileSystem", path: str, part_rows: int
) -> tuple[str, list[tuple[int, int]]]:
    """Return the hash of CSV, and byte and line at which each part begins; then those of the end.

    A line end within quotes ends no row.
    """
    digest = hashlib.blake2b(digest_size=16)
    position, lines, ends, quotes = 0, 1, 0, 0
    cuts: list[tuple[int, int]] = []
    with system.open(path, "rb") as opened:
        while block := opened.read(BLOCK):
            digest.update(block)
            found = row_ends(block, quotes)  # the first of the file is that of the header
            cuts += [
                (position + end + 1, lines + block.count(b"\n", 0, end + 1))
                for end in found[-ends % part_rows :: part_rows].tolist()
            ]
            ends += len(found)
            quotes += block.count(b'"')
            lines += block.count(b"\n")
            position += len(block)
    if len(cuts) < 2 or cuts[-1][0] < position:  # noqa: PLR2004  a begin and an end
        cuts = [*(cuts or [(position, lines)]), (position, lines)]
    return digest.hexdigest(), cuts


def row_ends(content: bytes, quotes: int = 0) -> NDArray[np.intp]:
    """Return the places of line ends that are not within quotes.

    Parameters
    ----------
    content
        CSV.
    quotes
        How many quotes came before.
    """
    array = np.frombuffer(content, np.uint8)
    newlines = np.flatnonzero(array == _NEWLINE)
    quoted = np.flatnonzero(array == _QUOTE)
    outside: NDArray[np.intp] = newlines[(quotes + np.searchsorted(quoted, newlines)) % 2 == 0]
    return outside
