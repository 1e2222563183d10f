"""Files are told by their bytes: archives are unpacked, and what is no CSV is named."""

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pytest

from ecom.data import contents
from ecom.data.contents import cause_of, likely_cause
from ecom.data.synthetic import generate_sessions
from ecom.errors import DataError

CSV = b"a,b\n1,2\n"
Unpack = Callable[[bytes], bytes]


@pytest.fixture(autouse=True, params=[contents.BLOCK, 16])
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at files as a whole, and in blocks that end anywhere."""
    monkeypatch.setattr(contents, "BLOCK", request.param)


@pytest.fixture
def unpack(tmp_path: Path) -> Unpack:
    def unpacked(content: bytes) -> bytes:
        source, target = tmp_path / "packed", tmp_path / "unpacked"
        source.write_bytes(content)
        contents.unpack(source, target)
        return target.read_bytes()

    return unpacked


def zipped(**members: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members_of:
        for name, content in members.items():
            members_of.writestr(name if "/" in name else f"{name}.csv", content)
    return archive.getvalue()


def tarred(content: bytes, mode: Literal["w", "w:gz", "w:xz"]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode=mode) as members:
        member = tarfile.TarInfo("a.csv")
        member.size = len(content)
        members.addfile(member, io.BytesIO(content))
    return archive.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        CSV,
        CSV.replace(b"\n", b"\r\n"),
        gzip.compress(CSV, mtime=0),
        zipped(a=CSV),
        zipped(a=gzip.compress(CSV, mtime=0)),
        CSV.replace(b"\n", b"\r"),
        b"\n\r\n" + CSV,
        b"sep=,\n" + CSV,
        b"\xef\xbb\xbfsep=,\r\n" + CSV,
        bz2.compress(CSV),
        lzma.compress(CSV),
        pa.compress(CSV, codec="zstd", asbytes=True),
        zipped(**{"a": CSV, "__MACOSX/._a": b"\0\5", "b/.DS_Store": b"x"}),
        tarred(CSV, "w"),
        tarred(CSV, "w:gz"),
        tarred(CSV, "w:xz"),
    ],
    ids=[
        *("lf", "crlf", "gzip", "zip", "gzip in zip", "cr", "blank lines", "sep", "sep after BOM"),
        *("bz2", "xz", "zst", "zip of a Mac", "tar", "tar.gz", "tar.xz"),
    ],
)
def test_the_same_rows_are_the_same_bytes_however_they_were_packed(
    content: bytes, unpack: Unpack
) -> None:
    assert unpack(content) == CSV


def test_parquet_becomes_the_csv_of_its_rows(unpack: Unpack) -> None:
    sessions = generate_sessions(100, seed=0)
    parquet = io.BytesIO()
    sessions.to_parquet(parquet)

    assert unpack(parquet.getvalue()) == sessions.to_csv(index=False).encode()
    feather = io.BytesIO()
    sessions.to_feather(feather)
    assert unpack(feather.getvalue()) == sessions.to_csv(index=False).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped(a=CSV, b=CSV), "holds a.csv, b.csv; expected one file"),
        (zipped(), "holds nothing; expected one file"),
        (
            zipped(a=CSV)
            .replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01")
            .replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"),
            "encrypted.*unpack it by hand",
        ),
        (zipped(a=CSV)[:40], "damaged or truncated"),
        (gzip.compress(CSV * 100, mtime=0)[:20], "damaged or truncated"),
        (b"PAR1 and then nothing", "damaged or truncated"),
    ],
    ids=["two files", "empty zip", "encrypted", "cut zip", "cut gzip", "cut parquet"],
)
def test_an_archive_that_does_not_give_one_file_is_refused(
    content: bytes, said: str, unpack: Unpack
) -> None:
    with pytest.raises(DataError, match=said):
        unpack(content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\r\n \n", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\xef\xbb\xbf\n<!DOCTYPE HTML><html>", "HTML"),
        (b"<html><body>404", "HTML"),
        (gzip.compress(CSV, mtime=0), "compressed"),
        (zipped(a=CSV), "zip"),
        (b"PAR1....", "Parquet"),
        ("a,b\n".encode("utf-16"), "UTF-16"),
        (b"a,b\n\0\0,1\n", "binary"),
        ("a,b\n".encode("utf-16-le"), "UTF-16"),
        (b"@RELATION x\n@data\n", "ARFF"),
        (b'[{"a": 1}]', "JSON"),
        (pickle.dumps([1]), "pickle"),
    ],
)
def test_what_is_no_csv_is_named(content: bytes, said: str) -> None:
    assert said in (likely_cause(content) or "")


def test_csv_is_not_accused(tmp_path: Path) -> None:
    assert likely_cause(CSV) is None
    file = tmp_path / "some.csv"
    file.write_bytes(CSV * 10)
    assert cause_of(file) is None


@pytest.mark.parametrize(
    ("content", "said"), [(CSV * 10 + b"\0", "binary"), (b"<html>" * 10, "HTML"), (b"", "empty")]
)
def test_a_whole_file_is_looked_at(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "some.csv"
    file.write_bytes(content)

    assert said in (cause_of(file) or "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_no_damaged_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(CSV))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "0").symlink_to("/dev/full")
    monkeypatch.setattr(tempfile, "TemporaryDirectory", lambda: nullcontext(str(scratch)))

    with pytest.raises(OSError, match="No space left"):
        contents.unpack(packed, tmp_path / "unpacked")


@pytest.mark.parametrize(
    ("member", "said"),
    [("[Content_Types].xml", "an Excel workbook"), ("content.xml", "an OpenDocument spreadsheet")],
)
def test_a_spreadsheet_is_named(member: str, said: str, unpack: Unpack) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr(member, "<x/>")

    with pytest.raises(DataError, match=f"the file is {said}: save the sheet as CSV"):
        unpack(archive.getvalue())


def test_archives_within_archives_end_somewhere(unpack: Unpack) -> None:
    content = CSV
    for _ in range(10):
        content = gzip.compress(content, mtime=0)

    assert "compressed" in (likely_cause(unpack(content)) or "")
