"""Raw data comes from the first source that has the right bytes, over real files and real HTTP."""

import gzip
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ecom.data.parts import ONE_FILE, Parts
from ecom.data.sources import Fetched, fetch, names_files_alone
from ecom.errors import DataError, NoSourceAnsweredError
from ecom.params.data import Data, Synthetic

CSV = b"a,b\n1,2\n3,4\n5,6\n"
SHA256 = hashlib.sha256(CSV).hexdigest()


def data(*sources: str | list[str], sha256: str | None = SHA256, retries: int = 0) -> Data:
    return Data(
        source="real",
        sources=list(sources),
        sha256=sha256,
        timeout=1,
        retries=retries,
        rename=None,
        ignore_extra=False,
        synthetic=Synthetic(rows=100, seed=0),
    )


@dataclass(frozen=True)
class Taken(Fetched):
    content: bytes = b""


def fetch_from(
    *sources: str | list[str], root: Path, sha256: str | None = SHA256, retries: int = 0
) -> Taken:
    target = root / ".fetched"
    fetched = fetch(data(*sources, sha256=sha256, retries=retries), root, target)
    return Taken(**vars(fetched), content=target.read_bytes())


Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def server(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        serving.daemon_threads = True
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def answer_with(content: bytes, status: int = 200, length: int | None = None) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(length or len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def test_a_relative_path_starts_from_the_root(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "sessions.csv").write_bytes(CSV.replace(b"\n", b"\r\n"))

    fetched = fetch_from("../sessions.csv", root=tmp_path / "project")

    assert fetched == Taken("../sessions.csv", SHA256, ONE_FILE, content=CSV)


def test_any_fsspec_address_serves(tmp_path: Path) -> None:
    (tmp_path / "sessions.csv.gz").write_bytes(gzip.compress(CSV))
    import fsspec

    with fsspec.open("memory://sessions.csv", "wb") as written:
        written.write(CSV)

    for address in ("sessions.csv.gz", str(tmp_path / "sessions.csv.gz"), "memory://sessions.csv"):
        assert fetch_from(address, root=tmp_path).content == CSV


def test_the_web_serves_plain_and_zipped(tmp_path: Path) -> None:
    import io
    import zipfile

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("sessions.csv", CSV)
        members.writestr("readme.txt", b"")

    with server(answer_with(CSV)) as address:
        assert fetch_from(f"{address}/sessions.csv", root=tmp_path).content == CSV
    with server(answer_with(archive.getvalue())) as address:
        member = f"zip://sessions.csv::{address}/sessions.zip"
        assert fetch_from(member, root=tmp_path).content == CSV


def test_the_next_source_is_tried_when_one_fails(tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_bytes(b"x,y\n")
    (tmp_path / "right.csv").write_bytes(CSV)
    with server(answer_with(b"", status=500)) as address:
        fetched = fetch_from("none.csv", address, "wrong.csv", "right.csv", root=tmp_path)

    assert fetched.address == "right.csv"
    assert [failure.partition(":")[0] for failure in fetched.failures] == [
        "none.csv",
        "http",
        "wrong.csv",
    ]


def test_a_missing_final_newline_is_no_difference_and_is_added(tmp_path: Path) -> None:
    (tmp_path / "cut.csv").write_bytes(CSV.rstrip(b"\n"))

    assert fetch_from("cut.csv", root=tmp_path) == Taken("cut.csv", SHA256, ONE_FILE, content=CSV)


def halves(folder: Path) -> tuple[bytes, bytes]:
    """Write the rows into two files, as those of two months."""
    header, *rows = CSV.splitlines(keepends=True)
    middle = len(rows) // 2
    parts = header + b"".join(rows[:middle]), header + b"".join(rows[middle:])
    folder.mkdir(exist_ok=True)
    for name, content in zip(("2026-01.csv", "2026-02.csv"), parts, strict=True):
        (folder / name).write_bytes(content)
    return parts


def test_several_files_follow_one_another_and_are_pinned_together(tmp_path: Path) -> None:
    first, second = halves(tmp_path)
    rows = [content.count(b"\n") - 1 for content in (first, second)]

    fetched = fetch_from(["2026-01.csv", "2026-02.csv"], root=tmp_path)

    assert (fetched.content, fetched.sha256) == (CSV, SHA256)
    assert fetched.parts == Parts(["2026-01", "2026-02"], rows)
    assert fetched.address == "2026-01.csv, 2026-02.csv"


def test_a_folder_stands_for_its_files_in_order_of_their_names(tmp_path: Path) -> None:
    halves(tmp_path / "months")
    (tmp_path / "months" / ".hidden").write_text("no sessions")
    (tmp_path / "months" / "README.md").write_text("no sessions")

    fetched = fetch_from("months/", root=tmp_path)

    assert fetched.content == CSV
    assert fetched.parts.names == ["2026-01", "2026-02"]


def test_a_folder_of_one_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "months").mkdir()
    (tmp_path / "months" / "all.csv.gz").write_bytes(gzip.compress(CSV))

    assert fetch_from("months", root=tmp_path) == Taken("months", SHA256, ONE_FILE, content=CSV)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda text: text.replace(b"a,b", b"b,a", 1),
            "has the columns b, a; the first file has a, b: expected the same, in the same order",
        ),
        (lambda _: b"", "2026-02.csv is empty"),
        (lambda _: b"<html>", "2026-02.csv is an HTML or XML page"),
    ],
)
def test_a_file_that_does_not_follow_is_named(
    tmp_path: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    halves(tmp_path)
    second = tmp_path / "2026-02.csv"
    second.write_bytes(change(second.read_bytes()))

    with pytest.raises(DataError, match=said):
        fetch_from(["2026-01.csv", "2026-02.csv"], root=tmp_path)


def test_a_mark_quotes_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    first, second = halves(tmp_path)
    odd = b"\xef\xbb\xbf" + second.replace(b"a,b", b'"a","b"', 1) + b"   \n"
    (tmp_path / "2026-02.csv").write_bytes(odd)

    fetched = fetch_from(["2026-01.csv", "2026-02.csv"], root=tmp_path, sha256=None)

    assert fetched.content.startswith(CSV)
    assert fetched.parts.rows == [content.count(b"\n") - 1 for content in (first, second)]


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    halves(tmp_path / "a")
    halves(tmp_path / "b")

    with pytest.raises(DataError, match="two of the files are called 2026-01"):
        fetch_from(["a/2026-01.csv", "b/2026-01.csv"], root=tmp_path)


def test_a_file_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    halves(tmp_path)

    with pytest.raises(NoSourceAnsweredError, match=r"it names '2026-01\.csv' twice"):
        fetch_from(["2026-01.csv", "2026-01.csv"], root=tmp_path)


def test_a_month_may_have_a_dot_in_its_name(tmp_path: Path) -> None:
    halves(tmp_path)
    for name in ("2026-01.csv", "2026-02.csv"):
        (tmp_path / name).rename(tmp_path / name.replace("-", "."))

    fetched = fetch_from(["2026.01.csv", "2026.02.csv"], root=tmp_path)

    assert fetched.parts.names == ["2026.01", "2026.02"]


def test_an_empty_folder_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "months").mkdir()

    with pytest.raises(
        NoSourceAnsweredError, match="months: the folder holds no file that ends in"
    ):
        fetch_from("months", root=tmp_path)


def test_files_are_told_from_what_has_to_be_fetched(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(b"x,y\n")

    assert names_files_alone(data("own.csv", "missing.csv"), tmp_path)
    assert names_files_alone(data(["missing.csv", "own.csv"]), tmp_path)
    assert not names_files_alone(data("missing.csv"), tmp_path)
    assert not names_files_alone(data("own.csv", "https://example.org/own.csv"), tmp_path)


def test_a_wrong_hash_names_source_expected_and_found(tmp_path: Path) -> None:
    page = b"<html>log in</html>"
    (tmp_path / "page.csv").write_bytes(page)

    with pytest.raises(DataError) as raised:
        fetch_from("page.csv", root=tmp_path)

    assert f"page.csv: sha256 with LF line ends: expected {SHA256}" in str(raised.value)
    assert f"found {hashlib.sha256(page).hexdigest()} (the file is an HTML" in str(raised.value)


def test_any_content_is_taken_without_a_hash_but_no_error_page(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(b"x,y\n")
    (tmp_path / "page.csv").write_bytes(b"<html>log in</html>")

    fetched = fetch_from("page.csv", "mine.csv", root=tmp_path, sha256=None)

    assert (fetched.content, fetched.address) == (b"x,y\n", "mine.csv")


def test_no_answer_at_all_is_told_apart_and_says_how_to_point_at_a_file(tmp_path: Path) -> None:
    with pytest.raises(NoSourceAnsweredError) as raised:
        fetch_from("none.csv", "http://127.0.0.1:9/x", "s3://bucket/x", "odd://x", root=tmp_path)

    for said in (
        "none.csv: FileNotFoundError",
        "127.0.0.1:9",
        "s3",
        "odd",
        "params.yaml: data.sources",
    ):
        assert said in str(raised.value)


@pytest.mark.slow
def test_a_source_that_fails_once_is_tried_again(tmp_path: Path) -> None:
    answers = iter([answer_with(b"", status=503), answer_with(CSV, length=999), answer_with(CSV)])

    def answer_in_turn(request: BaseHTTPRequestHandler) -> None:
        next(answers)(request)

    with server(answer_in_turn) as address:
        assert fetch_from(address, root=tmp_path, retries=2).content == CSV


def test_a_missing_file_is_not_tried_again(tmp_path: Path) -> None:
    asked = []

    def not_found(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        answer_with(b"", status=404)(request)

    with server(not_found) as address, pytest.raises(NoSourceAnsweredError):
        fetch_from(address, root=tmp_path, retries=3)

    assert len(asked) == 1


@pytest.mark.slow
def test_a_server_that_hangs_is_given_up(tmp_path: Path) -> None:
    hang = threading.Event()
    start = time.monotonic()

    def wait(_: BaseHTTPRequestHandler) -> None:
        hang.wait(20)

    with server(wait) as address:
        with pytest.raises(NoSourceAnsweredError, match="Timeout"):
            fetch_from(address, root=tmp_path)
        hang.set()

    assert time.monotonic() - start < 15


def test_a_download_that_breaks_off_is_no_answer(tmp_path: Path) -> None:
    with (
        server(answer_with(CSV, length=len(CSV) + 1)) as address,
        pytest.raises(NoSourceAnsweredError, match="Payload"),
    ):
        fetch_from(address, root=tmp_path)
