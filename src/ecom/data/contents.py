"""What kind of file it is, by its bytes and not by its name."""

import gzip
import io
import zipfile
import zlib

from ecom.errors import DataError

_GZIP, _ZIP, _PARQUET = b"\x1f\x8b", b"PK", b"PAR1"
_NOT_CSV = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: run `git lfs pull`"),
    (_GZIP, "gzip-compressed: name it in data.sources, which decompresses it"),
    (_ZIP, "a zip archive or a spreadsheet: name the archive in data.sources, or export CSV"),
    (_PARQUET, "a Parquet file: name it in data.sources, which converts it"),
    (b"\xff\xfe", "UTF-16 text: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text: save it as UTF-8"),
)
_PAGES = (b"<!doctype", b"<html", b"<?xml")


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
    if content[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGES):
        return "an HTML or XML page, as servers send for an error or a log-in"
    if b"\0" in content:
        return "a binary file: it holds NUL bytes"
    return None


def unpack(content: bytes) -> bytes:
    """Return the CSV text of a file that may be zipped, gzip-compressed or Parquet.

    Line ends become LF, so that copies with LF and CRLF give the same bytes.

    Raises
    ------
    DataError
        The archive is damaged, or does not contain exactly one file.
    """
    try:
        if content.startswith(_ZIP):
            content = _single_member(content)
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed by a rare method
        raise DataError(f"the archive cannot be unpacked ({error}): unpack it by hand") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise DataError(f"the archive is damaged or truncated ({error}): fetch it again") from None
    if content.startswith(_PARQUET):
        content = _parquet_to_csv(content)
    return content.replace(b"\r\n", b"\n")


def _single_member(archive: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        names = [name for name in members.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise DataError(
                f"the archive holds {', '.join(names) or 'nothing'}; expected one file. "
                "Name the one you mean: zip://FILE::ARCHIVE"
            )
        return members.read(names[0])


def _parquet_to_csv(content: bytes) -> bytes:
    import pandas as pd
    from pyarrow import ArrowException

    try:
        return pd.read_parquet(io.BytesIO(content)).to_csv(index=False).encode()
    except (ArrowException, OSError) as error:
        raise DataError(f"the Parquet file is damaged or truncated ({error})") from None
