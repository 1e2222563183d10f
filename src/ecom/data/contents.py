"""What kind of file it is, by its bytes and not by its name."""

import bz2
import gzip
import lzma
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from ecom.errors import DataError

_ZIP, _PARQUET, _FEATHER = b"PK", b"PAR1", b"ARROW1"
_BOM = b"\xef\xbb\xbf"
NESTED: Final = 4  # archives within archives that are opened
BLOCK: Final = 1 << 22  # bytes read at a time


def _open_zstd(path: Path) -> Any:
    import pyarrow

    return pyarrow.CompressedInputStream(pyarrow.OSFile(str(path)), "zstd")


_COMPRESSED: Final[Mapping[bytes, Callable[[Path], Any]]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"\x28\xb5\x2f\xfd": _open_zstd,
}
_UTF_16 = "UTF-16 text: save it as UTF-8"
_NAMED = "name it in data.sources, which"
_NOT_CSV = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: run `git lfs pull`"),
    (tuple(_COMPRESSED), f"compressed: {_NAMED} decompresses it"),
    (_ZIP, f"a zip archive: {_NAMED} unpacks it"),
    (_PARQUET, f"a Parquet file: {_NAMED} converts it"),
    (_FEATHER, f"a Feather file: {_NAMED} converts it"),
    ((b"\xff\xfe", b"\xfe\xff"), _UTF_16),
    ((b"\x80\x04\x95", b"\x80\x05\x95"), "a pickle: save the table as CSV or Parquet"),
)
_TEXTS = (  # how the text begins, in small letters
    (
        (b"<!doctype", b"<html", b"<?xml"),
        "an HTML or XML page, as servers send for an error or a log-in",
    ),
    ((b"@relation", b"%"), "an ARFF file, as Weka writes: save the table as CSV"),
    ((b"{", b"["), "JSON: save the table as CSV or Parquet"),
)
_SPREADSHEETS = {
    "[Content_Types].xml": "an Excel workbook",
    "content.xml": "an OpenDocument spreadsheet",
}
_BY_SYSTEMS = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")  # added to archives unasked


def likely_cause(content: bytes) -> str | None:
    r"""Return what a file is if it cannot be CSV, by its first bytes; None if it may be CSV.

    Examples
    --------
    >>> likely_cause(b"<html><h1>502 Bad Gateway</h1></html>")
    'an HTML or XML page, as servers send for an error or a log-in'
    """
    if not content.strip():
        return "empty"
    for signature, cause in _NOT_CSV:
        if content.startswith(signature):
            return cause
    start = content[:1024].removeprefix(_BOM).lstrip().lower()
    for text, cause in _TEXTS:
        if start.startswith(text):
            return cause
    if content[1:2] == b"\0" or content[:1] == b"\0":
        return _UTF_16
    return binary(content)


def binary(content: bytes) -> str | None:
    """Return what a file is if these bytes of it are no text; None if they may be text."""
    return "a binary file: it holds NUL bytes" if b"\0" in content else None


def blocks_of(file: IO[bytes]) -> Iterator[bytes]:
    """Yield what is left of an open file, some bytes at a time."""
    while block := file.read(BLOCK):
        yield block


def cause_of(path: Path) -> str | None:
    """Return what a whole file is if it cannot be CSV; None if it may be CSV."""
    with path.open("rb") as file:
        cause = likely_cause(file.read(BLOCK))
        return cause or next(filter(None, map(binary, blocks_of(file))), None)


def unpack(source: Path, target: Path) -> None:
    """Write the CSV text of a file that may be packed, compressed, Parquet or Feather.

    Line ends become LF, so that copies with other line ends give the same bytes. Blank lines at the
    start are left out, as is the line ``sep=,`` that spreadsheet programs ask for. Text is never
    held as a whole; Parquet and Feather are.

    Raises
    ------
    DataError
        The archive is damaged, or does not contain exactly one file.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = _innermost(source, Path(folder))
        if _start(file).startswith((_PARQUET, _FEATHER)):
            file = _table_to_csv(file, Path(folder) / "table.csv")
        with file.open("rb") as packed, target.open("wb") as written:
            written.writelines(_normalised(packed))


def _innermost(file: Path, folder: Path) -> Path:
    """Return what is in archives and compressed files, unpacked into a folder."""
    try:
        for level in range(NESTED):  # an archive may hold itself
            inner = folder / str(level)
            if not _unpack_once(file, inner):
                break
            file = inner
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed by a rare method
        raise DataError(f"the archive cannot be unpacked ({error}): unpack it by hand") from None
    except (
        *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
        *(EOFError, OSError, ValueError),
    ) as error:
        if getattr(error, "errno", None) is not None:  # such as a full disk
            raise
        raise DataError(f"the archive is damaged or truncated ({error}): fetch it again") from None
    return file


def _start(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(512)


def _unpack_once(file: Path, inner: Path) -> bool:
    """Write what is in an archive or compressed file; tell whether it is one."""
    start = _start(file)
    with ExitStack() as opened:
        if start.startswith(_ZIP):
            archive = opened.enter_context(zipfile.ZipFile(file))
            names = [name for name in archive.namelist() if not name.endswith("/")]
            packed: Any = archive.open(_only(names, "zip"))
        elif start[257:262] == b"ustar":
            members = opened.enter_context(tarfile.open(file))
            files = {member.name: member for member in members.getmembers() if member.isfile()}
            packed = members.extractfile(files[_only(list(files), "tar")])
        else:
            ways = [way for magic, way in _COMPRESSED.items() if start.startswith(magic)]
            if not ways:
                return False
            packed = ways[0](file)
        with packed, inner.open("wb") as written:
            shutil.copyfileobj(packed, written, BLOCK)
    return True


def _only(names: list[str], kind: str) -> str:
    """Return the one file in an archive, besides those that systems add."""
    for name, spreadsheet in _SPREADSHEETS.items():
        if name in names:
            raise DataError(f"the file is {spreadsheet}: save the sheet as CSV (UTF-8)")
    kept = [name for name in names if not set(PurePosixPath(name).parts) & set(_BY_SYSTEMS)]
    if len(kept) != 1:
        raise DataError(
            f"the archive holds {', '.join(kept) or 'nothing'}; expected one file. "
            f"Name the one you mean: {kind}://FILE::ARCHIVE"
        )
    return kept[0]


def _normalised(file: IO[bytes]) -> Iterator[bytes]:
    """Yield text with LF line ends, without what comes before the header."""
    of_old_macs = not any(b"\n" in block for block in blocks_of(file))
    file.seek(0)
    line_end = b"\r" if of_old_macs else b"\r\n"
    held = b""  # half of a line end
    for number, block in enumerate(blocks_of(file)):
        whole = held + block
        held = b"\r" if whole.endswith(b"\r") and not of_old_macs else b""
        text = whole.removesuffix(held).replace(line_end, b"\n")
        yield text if number else _without_preamble(text)
    yield held


def _without_preamble(start: bytes) -> bytes:
    text = start.removeprefix(_BOM).lstrip(b"\n")
    without_sep = text.removeprefix(b"sep=,\n").lstrip(b"\n")
    return start if without_sep == start.removeprefix(_BOM) else without_sep


def _table_to_csv(file: Path, target: Path) -> Path:
    import pandas as pd
    from pyarrow import ArrowException

    parquet = _start(file).startswith(_PARQUET)
    try:
        with file.open("rb") as opened:
            table = pd.read_parquet(opened) if parquet else pd.read_feather(opened)
    except (ArrowException, OSError) as error:
        kind = "Parquet" if parquet else "Feather"
        raise DataError(f"the {kind} file is damaged or truncated ({error})") from None
    table.to_csv(target, index=False)
    return target
