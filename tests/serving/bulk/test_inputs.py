"""A plan holds every row of every file in exactly one part; what is no table is refused."""

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from ecom.errors import DataError
from ecom.serving.bulk.inputs import make_plan, open_filesystem, row_ends

CELLS = st.text(st.sampled_from('ab",\n'), max_size=6)


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=8), part_rows=st.integers(1, 4)
)
def test_parts_of_csv_begin_where_rows_do(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], part_rows: int
) -> None:
    lines = [",".join(map(quoted, row)) for row in [["x", "y"], *rows]]
    file = tmp_path_factory.mktemp("plan") / "in.csv"
    file.write_text("\n".join(lines) + "\n", newline="")
    content = file.read_bytes()

    plan = make_plan(str(file), part_rows)

    whole = "".join(content[part.begin : part.end].decode() for part in plan.parts)
    assert whole == "".join(f"{line}\n" for line in lines[1:])
    for number, part in enumerate(plan.parts):
        held = lines[1:][number * part_rows : (number + 1) * part_rows]
        assert content[part.begin : part.end].decode() == "".join(f"{line}\n" for line in held)
        assert part.first == 1 + content[: part.begin].count(b"\n")


def test_a_line_end_within_quotes_ends_no_row() -> None:
    assert row_ends(b'a,"b\nc"\nd,e\n').tolist() == [7, 11]
    assert row_ends(b'c"\nd,e\n', quotes=1).tolist() == [2, 6]


def test_row_groups_are_kept_whole_and_counted(tmp_path: Path) -> None:
    table = pa.table({"x": range(10)})
    parquet.write_table(table, tmp_path / "in.parquet", row_group_size=3)

    plan = make_plan(str(tmp_path / "in.parquet"), part_rows=6)

    assert [(part.begin, part.end, part.first, part.rows) for part in plan.parts] == [
        (0, 2, 1, 6),
        (2, 4, 7, 4),
    ]
    assert plan.rows == 10


def test_a_folder_holds_the_tables_by_name_and_says_what_it_passes_over(tmp_path: Path) -> None:
    (tmp_path / "Month=Nov").mkdir()
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "Month=Nov" / "b.parquet")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"x\n1\n"))
    (tmp_path / "notes.txt").write_text("none")
    for hidden in ("_SUCCESS", ".part.csv"):
        (tmp_path / hidden).write_text("x\n")

    plan = make_plan(str(tmp_path))

    assert [part.source.name for part in plan.parts] == ["Month=Nov/b.parquet", "a.csv.gz"]
    assert plan.parts[0].source.partition == (("Month", "Nov"),)
    assert plan.parts[1].source.kind == "compressed csv"
    assert plan.passed_over == ("notes.txt",)
    assert plan.rows is None


def test_other_content_has_another_hash(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    digests = []
    for text in ("x\n1\n", "x\n2\n"):
        file.write_text(text)
        digests.append(make_plan(str(file)).parts[0].source.digest)

    assert digests[0] != digests[1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "in.csv is empty"),
        (b"PK\3\4...", "in.csv is a zip archive: unpack it"),
        (b"\x28\xb5\x2f\xfd...", "in.csv is compressed by zstd: decompress it"),
        (b"\xff\xfex\0", "in.csv is UTF-16 text: save it as UTF-8"),
        (b"PAR1 and nothing", "in.csv is damaged or cut off"),
    ],
)
def test_what_is_no_table_is_refused_by_its_bytes(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "in.csv").write_bytes(content)

    with pytest.raises(DataError, match=said):
        make_plan(str(tmp_path / "in.csv"))


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no file and no folder"):
        make_plan(str(tmp_path / "nothing"))
    with pytest.raises(DataError, match=r"holds no file that ends in \.csv"):
        make_plan(str(tmp_path))
    for address in ("nowhere://x", "dir://x", "data:text/csv,abc://"):
        with pytest.raises(DataError, match="cannot be opened"):
            open_filesystem(address)


@pytest.mark.parametrize("header", ["PK_id,x", "BZhotel,x"])
def test_a_header_is_no_archive(tmp_path: Path, header: str) -> None:
    (tmp_path / "in.csv").write_text(f"{header}\n1,2\n")

    assert make_plan(str(tmp_path / "in.csv")).parts[0].source.kind == "csv"


def test_a_path_may_have_any_characters(tmp_path: Path) -> None:
    (tmp_path / "a::b #%.csv").write_text("x\n1\n")

    assert make_plan(str(tmp_path / "a::b #%.csv")).rows == 1
