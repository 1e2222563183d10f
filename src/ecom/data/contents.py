"""What kind of file it is, by its bytes and not by its name."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Final

from ecom.errors import DataError

_ZIP, _PARQUET, _FEATHER = b"PK", b"PAR1", b"ARROW1"
_BOM = b"\xef\xbb\xbf"
NESTED: Final = 4  # archives within archives that are opened


def _decompress_zstd(content: bytes) -> bytes:
    import pyarrow

    return bytes(pyarrow.CompressedInputStream(pyarrow.BufferReader(content), "zstd").read())


_COMPRESSED: Final[Mapping[bytes, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\0": lzma.decompress,
    b"\x28\xb5\x2f\xfd": _decompress_zstd,
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
    r"""Return what a file is if it cannot be CSV; None if it may be CSV.

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


def unpack(content: bytes) -> bytes:
    """Return the CSV text of a file that may be packed, compressed, Parquet or Feather.

    Line ends become LF, so that copies with other line ends give the same bytes. Blank lines at the
    start are left out, as is the line ``sep=,`` that spreadsheet programs ask for.

    Raises
    ------
    DataError
        The archive is damaged, or does not contain exactly one file.
    """
    try:
        for _ in range(NESTED):  # an archive may hold itself
            inner = _unpack_once(content)
            if inner is None:
                break
            content = inner
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed by a rare method
        raise DataError(f"the archive cannot be unpacked ({error}): unpack it by hand") from None
    except (
        *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
        *(EOFError, OSError, ValueError),
    ) as error:
        raise DataError(f"the archive is damaged or truncated ({error}): fetch it again") from None
    if content.startswith((_PARQUET, _FEATHER)):
        content = _table_to_csv(content)
    return _normalise(content)


def _unpack_once(content: bytes) -> bytes | None:
    """Return what is in an archive or compressed file; None if it is neither."""
    if content.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            return archive.read(_only(names, "zip"))
    if content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            files = {member.name: member for member in archive.getmembers() if member.isfile()}
            extracted = archive.extractfile(files[_only(list(files), "tar")])
            return extracted.read() if extracted else b""
    for magic, decompress in _COMPRESSED.items():
        if content.startswith(magic):
            return decompress(content)
    return None


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


def _normalise(content: bytes) -> bytes:
    content = content.replace(b"\r\n", b"\n")
    if b"\n" not in content:  # line ends of old Macs
        content = content.replace(b"\r", b"\n")
    text = content.removeprefix(_BOM).lstrip(b"\n")
    without_sep = text.removeprefix(b"sep=,\n").lstrip(b"\n")
    return content if without_sep == content.removeprefix(_BOM) else without_sep


def _table_to_csv(content: bytes) -> bytes:
    import pandas as pd
    from pyarrow import ArrowException

    parquet = content.startswith(_PARQUET)
    try:
        read = pd.read_parquet if parquet else pd.read_feather
        return read(io.BytesIO(content)).to_csv(index=False).encode()
    except (ArrowException, OSError) as error:
        kind = "Parquet" if parquet else "Feather"
        raise DataError(f"the {kind} file is damaged or truncated ({error})") from None
