"""Raw data from the first source that answers with the expected content."""

import csv
import hashlib
import io
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import fsspec
from fsspec.callbacks import Callback, NoOpCallback

from ecom.data.columns import fit_columns
from ecom.data.contents import BLOCK, blocks_of, cause_of, unpack
from ecom.data.parts import ONE_FILE, Parts
from ecom.errors import DataError, NoSourceAnsweredError
from ecom.params.section import first_repeated

if TYPE_CHECKING:
    from ecom.params.data import Data

ENDINGS: Final = (
    *(".csv", ".parquet", ".pq", ".feather", ".arrow"),
    *(".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst"),
)
_PERMANENT: Final = (
    FileNotFoundError,
    ImportError,
    IsADirectoryError,
    PermissionError,
    ValueError,
)
_HELP: Final = (
    "Point at a copy of your own in params.yaml: data.sources takes paths and web addresses "
    "(https, s3, ...), and data.sha256 null accepts any content. On the command line, quote each "
    """path twice: `dvc exp run -S 'data.sources=["PATH"]' -S data.sha256=null`"""
)


@dataclass(frozen=True)
class Fetched:
    """Where raw data came from.

    Attributes
    ----------
    address
        The source that it came from.
    sha256
        SHA-256 of what the source gave, with LF line ends: what ``data.sha256`` pins.
    parts
        The files that it was put together from.
    failures
        One line for each source that was tried before and failed: which, and why.
    """

    address: str
    sha256: str
    parts: Parts
    failures: tuple[str, ...] = ()


def fetch(
    data: "Data",
    root: Path,
    target: Path,
    *,
    progress: Callable[[str], Callback] = lambda _: NoOpCallback(),
) -> Fetched:
    """Read the sources in order until one gives the content that ``data.sha256`` pins.

    The content is on disk at each step, in copies that Python's tempfile places, and may be larger
    than memory.

    Parameters
    ----------
    data
        Sources, hash, time-out and retries.
    root
        Folder that relative paths in ``data.sources`` start from.
    target
        The file to write: CSV text with LF line ends.
    progress
        From an address to a callback that is told how many bytes have come.

    Raises
    ------
    DataError
        At least one source answered, but none with the expected content.
    NoSourceAnsweredError
        No source could be read at all.
    """
    failures: list[str] = []
    answered = False
    for source in data.sources:
        named = source if isinstance(source, str) else ", ".join(source)
        try:
            addresses = _addresses(source, root, data)
            _require_each_once(addresses)
            with tempfile.TemporaryDirectory() as folder:
                files = {
                    address: _copied(address, root, data, progress, Path(folder) / f"{number}")
                    for number, address in enumerate(addresses)
                }
                answered = True
                for address, file in files.items():
                    files[address] = _unpacked(file)
                whole = Path(folder) / "whole"
                parts = _join(files, whole)
                found = _pin(whole, data.sha256)
                if data.rename or data.ignore_extra:
                    fit_columns(whole, target, data.rename or {}, ignore_extra=data.ignore_extra)
                else:
                    shutil.move(whole, target)
            return Fetched(named, found, parts, tuple(failures))
        except (_UnreadableError, DataError) as error:
            failures.append(f"{named}: {error}")
    summary = "\n".join(f"  - {failure}" for failure in failures)
    if answered:
        raise DataError(f"no source of raw data has the expected content:\n{summary}\n{_HELP}")
    raise NoSourceAnsweredError(f"no source of raw data answered:\n{summary}\n{_HELP}")


def names_files_alone(data: "Data", root: Path) -> bool:
    """Tell whether all sources are paths, and one leads to a file: it is read at no cost."""
    addresses = [
        address
        for source in data.sources
        for address in ([source] if isinstance(source, str) else source)
    ]
    files = [root / Path(address).expanduser() for address in addresses if "://" not in address]
    return len(files) == len(addresses) and any(file.exists() for file in files)


def is_pinned(file: Path, sha256: str | None) -> bool:
    """Tell whether a file has the pinned hash; a hash of None pins nothing."""
    return _hash(file).hexdigest() == sha256


def _hash(file: Path) -> "hashlib._Hash":
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256")


class _UnreadableError(Exception):
    """One source could not be read."""


def _addresses(source: str | list[str], root: Path, data: "Data") -> list[str]:
    """Return the addresses of a source's files, in order; a folder stands for what it holds."""
    if not isinstance(source, str):
        return [each for address in source for each in _addresses(address, root, data)]
    if any(kind in source for kind in ("http://", "https://", "::")):
        return [source]
    try:
        filesystem, path = _filesystem(source, root, data.timeout)
        if not filesystem.isdir(path):
            return [source]
        names = sorted(PurePosixPath(each).name for each in filesystem.ls(path, detail=False))
    except Exception as error:  # noqa: BLE001  as in _read_with_retries
        raise _UnreadableError(f"{type(error).__name__}: {error}") from None
    held = [
        name
        for name in names
        if not name.startswith((".", "_")) and PurePosixPath(name).suffix.lower() in ENDINGS
    ]
    if not held:
        raise _UnreadableError(f"the folder holds no file that ends in {', '.join(ENDINGS)}")
    return [f"{source.rstrip('/')}/{name}" for name in held]


def _require_each_once(addresses: list[str]) -> None:
    if repeated := first_repeated(addresses):
        raise DataError(f"it names {repeated} twice")


def _unpacked(packed: Path) -> Path:
    unpacked = packed.with_suffix(".csv")
    unpack(packed, unpacked)
    packed.unlink()
    return unpacked


def _join(files: Mapping[str, Path], whole: Path) -> Parts:
    """Put files of the same columns together, in order."""
    if len(files) == 1:
        next(iter(files.values())).rename(whole)
        return ONE_FILE
    names = [_part_name(address) for address in files]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"two of the files are called {repeated}; expected a name for each month")
    first = _header(next(iter(files.values())))
    rows: list[int] = []
    with whole.open("wb") as written:
        written.write(first.rstrip(b"\n") + b"\n")
        for address, file in files.items():
            if cause := cause_of(file):
                raise DataError(f"{address} is {cause}")
            header = _header(file)
            if _columns(header) != _columns(first):
                raise DataError(
                    f"{address} has the columns {', '.join(_columns(header))}; the first file has "
                    f"{', '.join(_columns(first))}: expected the same, in the same order"
                )
            with file.open("rb") as opened:
                opened.seek(len(header))
                written.writelines(_without_last_line_ends(blocks_of(opened)))
                written.write(b"\n")
                opened.seek(len(header))
                rows.append(_count_rows(opened))
    return Parts(names, rows)


def _without_last_line_ends(blocks: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for block in blocks:
        text = block.rstrip(b"\n")
        if text:
            yield held + text
            held = b""
        held += block[len(text) :]


def _part_name(address: str) -> str:
    """Return the name of a file without the endings that say what it is."""
    path = PurePosixPath(address)
    while path.suffix.lower() in ENDINGS:
        path = path.with_suffix("")
    return path.name


def _columns(header: bytes) -> list[str]:
    text = header.decode("utf-8-sig", errors="replace")
    return [name.strip() for name in next(csv.reader([text.rstrip("\r\n")]), [])]


def _count_rows(body: io.BufferedReader) -> int:
    """Count rows as pandas does, which passes over lines of blanks."""
    text = io.TextIOWrapper(body, encoding="utf-8", errors="replace", newline="")
    rows = sum(1 for row in csv.reader(text) if len(row) > 1 or "".join(row).strip())
    text.detach()
    return rows


def _header(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.readline(BLOCK)


def _pin(file: Path, expected: str | None) -> str:
    """Return the hash of a file if it is what is expected, but for a missing final newline."""
    found = _hash(file)
    completed = found.copy()
    completed.update(b"\n")
    if completed.hexdigest() == expected:
        with file.open("ab") as opened:
            opened.write(b"\n")
        return completed.hexdigest()
    cause = cause_of(file)
    if expected not in (None, found.hexdigest()):
        hint = f" (the file is {cause})" if cause else ""
        raise DataError(
            f"sha256 with LF line ends: expected {expected}, found {found.hexdigest()}{hint}"
        )
    if cause:
        raise DataError(f"the file is {cause}")
    return found.hexdigest()


def _copied(
    address: str, root: Path, data: "Data", progress: Callable[[str], Callback], copy: Path
) -> Path:
    """Copy what is at an address, trying again as often as ``data.retries`` says."""
    for attempt in range(data.retries + 1):
        try:
            with progress(address) as callback:
                filesystem, path = _filesystem(address, root, data.timeout)
                filesystem.get_file(path, str(copy), callback=callback)
                return copy
        # Every fsspec filesystem raises the errors of its own client library.
        except Exception as error:  # noqa: BLE001
            if attempt == data.retries or isinstance(error, _PERMANENT):
                name = type(error).__name__
                raise _UnreadableError(f"{name}: {error}".removesuffix(": ")) from None
            time.sleep(1)
    raise AssertionError("the last attempt returns or raises")


def _filesystem(address: str, root: Path, timeout: float) -> tuple[Any, str]:
    """Return the file system of an address, and the path on it."""
    options: dict[str, Any] = {}
    if "://" not in address:
        address = str(root / Path(address).expanduser())
    elif any(link.startswith(("http://", "https://")) for link in address.split("::")):
        import aiohttp

        patience = aiohttp.ClientTimeout(total=None, sock_connect=timeout, sock_read=timeout)
        client = {"client_kwargs": {"timeout": patience, "trust_env": True}}
        # An archive is read from a complete copy: not every server serves parts of a file.
        address = address.replace("::http", "::simplecache::http")
        options = {"https" if "https://" in address else "http": client}
    found: tuple[Any, str] = fsspec.url_to_fs(address, **options)
    return found
