"""Blocks hold the rows as they are in the file, each with its line."""

import bz2
import csv as text
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.errors import DataError
from ecom.serving.bulk.inputs import make_plan, open_filesystem
from ecom.serving.bulk.reading import Block, read_blocks, read_schema

CELLS = st.text(st.sampled_from('ab ",\n\r'), max_size=6)


def blocks(path: Path, part_rows: int = 1000) -> list[Block]:
    system, _ = open_filesystem(str(path))
    return [
        block
        for part in make_plan(str(path), part_rows).parts
        for block in read_blocks(system, part)
    ]


def read(path: Path, part_rows: int = 1000) -> list[tuple[int, tuple[Any, ...]]]:
    return [
        (int(place), tuple(row.values()))
        for block in blocks(path, part_rows)
        for place, row in zip(block.places, block.table.to_pylist(), strict=True)
    ]


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=8), part_rows=st.integers(1, 9)
)
def test_cells_and_lines_are_those_that_python_reads(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], part_rows: int
) -> None:
    file = tmp_path_factory.mktemp("read") / "in.csv"
    with file.open("w", newline="") as opened:
        writer = text.writer(opened, lineterminator="\n", quoting=text.QUOTE_ALL)
        writer.writerows([["x", "y"], *rows])
    lines = [1]
    for row in [["x", "y"], *rows]:
        lines.append(lines[-1] + 1 + sum(cell.count("\n") for cell in row))

    found = read(file, part_rows)

    assert found == [(line, tuple(row)) for line, row in zip(lines[1:], rows, strict=False)]


def test_blank_lines_are_passed_over_and_broken_ones_are_told(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes(b'x,y\n1,2\n\n"a\nb",3\n4\n\r\n5,6,7\n8,9')

    (block,) = blocks(file)

    assert block.table.to_pylist() == [
        {"x": "1", "y": "2"},
        {"x": "a\nb", "y": "3"},
        {"x": "8", "y": "9"},
    ]
    assert block.places.tolist() == [2, 4, 9]
    assert [(each.line, each.rule, each.value) for each in block.broken] == [
        (6, "2 fields, as the header has", "1: 4"),
        (8, "2 fields, as the header has", "3: 5,6,7"),
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_compressed_text_is_read_as_the_plain(csv: Path, tmp_path: Path, *, packed: bool) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes(
        gzip.compress(csv.read_bytes()) if packed else b"\xef\xbb\xbf" + csv.read_bytes()
    )

    assert read(file, 100) == read(csv)


def test_rows_of_parquet_are_numbered_through_all_groups(tmp_path: Path) -> None:
    pd.DataFrame({"x": range(10)}).to_parquet(tmp_path / "in.parquet", row_group_size=3)

    assert read(tmp_path / "in.parquet", 3) == [(row + 1, (row,)) for row in range(10)]


def test_folders_name_columns(tmp_path: Path) -> None:
    (tmp_path / "Month=Nov").mkdir()
    (tmp_path / "Month=Nov" / "a.csv").write_text("x\n1\n")

    assert read(tmp_path) == [(2, ("1", "Nov"))]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x;y\n1;2\n", "columns are separated by semicolons; expected commas"),
        (b"x,y,x\n1,2,3\n", "in.csv has two columns 'x'"),
        (b"x,y\n1,\xe9\n", r"in\.csv is not UTF-8 text"),
        (b'x,y\n1,"2\n', "in.csv, between line 2 and 3: a quote is not closed"),
        (
            b'x,y\n1,2" wide\n3,4\n',
            "a quote is not closed, or a quote or a lone CR stands within a cell",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes(content)

    def everything() -> None:
        system, _ = open_filesystem(str(file))
        read_schema(system, make_plan(str(file)).parts[0])
        read(file)

    with pytest.raises(DataError, match=said):
        everything()


@pytest.mark.parametrize("read_some", [read_schema, lambda *part: list(read_blocks(*part))])
@pytest.mark.parametrize("name", ["in.csv", "in.parquet"])
def test_a_file_that_goes_while_it_is_read_is_no_fault_of_the_target(
    tmp_path: Path, name: str, read_some: Callable[..., object]
) -> None:
    file, table = tmp_path / name, pd.DataFrame({"x": [1], "y": [2]})
    table.to_csv(file, index=False) if name.endswith("csv") else table.to_parquet(file)
    system, _ = open_filesystem(str(file))
    (part,) = make_plan(str(file)).parts
    file.unlink()

    with pytest.raises(DataError, match=rf"{name} cannot be read: .*No such file"):
        read_some(system, part)


@pytest.mark.parametrize("kind", [bz2, gzip, lzma])
def test_streams_one_after_the_other_are_read_and_none_is_left_out(
    csv: Path, tmp_path: Path, kind: Any
) -> None:
    lines = csv.read_bytes().splitlines(keepends=True)
    first, second = (kind.compress(b"".join(part)) for part in (lines[:100], lines[100:]))
    file = tmp_path / "in.csv.packed"
    file.write_bytes(first + second)
    assert read(file) == read(csv)

    for damaged in (second[:1] + b"\xff" + second[2:], second[:60] + b"\xff\xfe" + second[62:]):
        file.write_bytes(first + damaged)
        with pytest.raises(DataError, match="damaged or cut off"):
            read(file)


def test_an_archive_that_was_cut_off_is_told(csv: Path, tmp_path: Path) -> None:
    file = tmp_path / "in.csv.gz"
    file.write_bytes(gzip.compress(csv.read_bytes())[:-100])

    with pytest.raises(DataError, match="damaged or cut off"):
        read(file)
