"""Text cells come out as they stand in the file; what is no table of sessions is told why."""

import io
import re
from collections.abc import Callable

import pandas as pd
import pytest

from ecom.data.parsing import parse_csv, read_chunks
from ecom.data.synthetic import generate_sessions
from ecom.errors import DataError
from ecom.schema import NAMES

SESSIONS = generate_sessions(20, seed=1)
CSV = SESSIONS.to_csv(index=False).encode()


def test_cells_are_text_in_the_order_of_the_schema() -> None:
    table = parse_csv(SESSIONS[list(reversed(NAMES))].to_csv(index=False).encode())

    assert list(table) == list(NAMES)
    assert table.equals(parse_csv(CSV))
    assert table["Month"].tolist() == SESSIONS["Month"].tolist()
    assert table["Administrative"].tolist() == SESSIONS["Administrative"].astype(str).tolist()


def test_empty_cells_are_missing_and_words_are_words() -> None:
    header, first, *rest = CSV.decode().splitlines()
    cells = first.split(",")
    cells[0], cells[1] = "", "NA"

    table = parse_csv("\n".join([header, ",".join(cells), *rest]).encode())

    assert table.iloc[0].isna().tolist()[:2] == [True, False]
    assert table.iloc[0, 1] == "NA"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"<html>", "the file is an HTML or XML page"),
        (CSV.replace(b",", b"|"), "separated by vertical bars; expected commas"),
        (CSV.partition(b"\n")[2], "the first line is not a header of known columns"),
        (CSV.replace(b"Month", b"Monat"), "missing 'Month'; unexpected 'Monat'"),
        (CSV[:-30], "the file ends in the middle of a row .*was it truncated"),
        (b"\xff" + CSV, r"the file is not UTF-8 text \(byte 0\)"),
    ],
)
def test_what_is_no_table_of_sessions_is_told(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        parse_csv(content)


def test_names_in_a_message_are_neither_too_many_nor_too_long() -> None:
    header = ",".join([*NAMES, *(f"{'x' * 100}{number}" for number in range(50))])

    with pytest.raises(DataError, match=r"\(50 in all\)") as raised:
        parse_csv(f"{header}\n".encode())

    assert len(str(raised.value)) < 2000


@pytest.mark.parametrize(
    "content",
    [
        CSV.replace(b",", b", "),
        CSV.replace(b",", b" ,"),
        CSV.replace(b"Visitor,", b"Visitor ,"),
        b"\n".join([CSV.partition(b"\n")[0].replace(b",", b" ,"), CSV.partition(b"\n")[2]]),
    ],
    ids=["after commas", "before commas", "in cells", "in the header"],
)
def test_spaces_about_cells_and_names_do_not_count(content: bytes) -> None:
    assert parse_csv(content).equals(parse_csv(CSV))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (str.lower, "data.rename in params.yaml to {administrative: Administrative, "),
        (
            lambda names: re.sub("(?<=[a-z])(?=[A-Z])", "_", names).lower(),
            "page_values: PageValues",
        ),
        (lambda names: f",{names}", "The first column has no name: is it an index?"),
        (lambda names: f"{names},", "The last column has no name: does each line end in a comma?"),
        (lambda names: f"{names},id", "To leave out other columns, set data.ignore_extra: true"),
    ],
)
def test_a_header_of_other_names_comes_with_its_remedy(
    header: Callable[[str], str], said: str
) -> None:
    names, _, rows = CSV.decode().partition("\n")

    with pytest.raises(DataError) as raised:
        parse_csv(f"{header(names)}\n{rows}".encode())

    assert said in str(raised.value)


@pytest.mark.parametrize("rows", [1, 7, 1000])
@pytest.mark.parametrize("block", [400, 433, 1 << 20])  # the header is in the first
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text + "\n\r\n\n",
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.replace("May", '" May"').replace(",Nov", ", Nov"),
    ],
    ids=["plain", "blank lines at the end", "from Windows", "padded"],
)
def test_a_file_reads_the_same_whatever_is_read_at_a_time(
    rows: int, block: int, change: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = change(generate_sessions(30, seed=1).to_csv(index=False)).encode()
    whole = parse_csv(content)
    monkeypatch.setattr("ecom.data.parsing.BLOCK", block)

    chunks = list(read_chunks(io.BytesIO(content), rows))

    assert len(chunks) == -(-len(whole) // rows)
    pd.testing.assert_frame_equal(pd.concat(chunks), whole)


def test_a_character_that_is_cut_at_the_end_of_a_block_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut = CSV.rstrip(b"\n") + "é".encode()[:1]
    monkeypatch.setattr("ecom.data.parsing.BLOCK", len(cut))

    with pytest.raises(DataError, match=rf"not UTF-8 text \(byte {len(cut) - 1}\)"):
        parse_csv(cut)
