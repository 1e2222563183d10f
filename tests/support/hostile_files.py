"""Hostile raw files: mutations of a good file's cells, rows, text and bytes."""

import csv
import gzip
import io
import random
import zipfile
from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st

from ecom.data.synthetic import generate_sessions
from ecom.schema import CATEGORICAL, NAMES, TARGET

Table = list[list[str]]
T = TypeVar("T", Table, str, bytes)
Mutation = Callable[[st.DrawFn, T], T]

ROWS = 400
GOOD: bytes = generate_sessions(ROWS, seed=1).to_csv(index=False).encode()
CELLS = (
    "",
    " ",
    "nan",
    "NA",
    "inf",
    "-inf",
    "-1",
    "-0.0",
    "0",
    "1",
    "1.0",
    "1.5",
    "1e5",
    "1e7",
    "1e9",
    "1e308",
    "1e309",
    "1e-320",
    "9" * 30,
    "+5",
    " 5 ",
    "1_000",
    "1,5",
    "0x10",
    "٣",
    "TRUE",
    "false",
    "yes",
    "None",
    "null",
    "May",
    "may",
    "Jan",
    "Smarch",
    "Other",
    "other",
    "x" * 9999,
    "=1+1",
    "<b>",
    "'",
    "\\",
    "é",
    "\ufeff",
    "a\tb",
    "two\nlines",
    'a "quoted" word',
    "100000",
    "10000000",
    "1000000000",
    "0.2",
    "2147483648",
    "9223372036854775808",
)
cells = (
    st.sampled_from(CELLS)
    | st.text(st.characters(codec="utf-8"), max_size=8)
    | st.floats().map(str)
    | st.integers().map(str)
)
columns = st.integers(0, len(NAMES) - 1)


def one_cell(draw: st.DrawFn, table: Table) -> Table:
    table[draw(st.integers(1, len(table) - 1))][draw(columns) % len(table[0])] = draw(cells)
    return table


def one_column(draw: st.DrawFn, table: Table) -> Table:
    """Put one value into every row of a column, or into every second row."""
    column, value, step = draw(columns) % len(table[0]), draw(cells), draw(st.integers(1, 2))
    for row in table[1::step]:
        row[column] = value
    return table


def a_plausible_column(draw: st.DrawFn, table: Table) -> Table:
    """Use extreme values that the schema allows: what passes must not break later stages."""
    column = draw(columns)
    if NAMES[column] in {*CATEGORICAL, TARGET, "Weekend"}:
        values = ["Feb", "May", "Nov", "Dec"] if NAMES[column] == "Month" else ["TRUE", "FALSE"]
        values = ["New_Visitor", "Other"] if NAMES[column] == "VisitorType" else values
    else:
        values = ["0", "1", "1e5", "100000", "1000000", "1e7", "1e9", "0.5", "1e-300"]
    value, step = draw(st.sampled_from(values)), draw(st.sampled_from([1, 2, 7, 50]))
    for row in table[1::step]:
        if column < len(row):
            row[column] = value
    return table


def purchases_or_none_of_some_months(draw: st.DrawFn, table: Table) -> Table:
    """Drop the rows of one class before or from a month on, to break the hold-out in time."""
    months = draw(st.sampled_from([["Nov", "Dec"], ["Nov"], ["Dec"], ["May"]]))
    inside, dropped = draw(st.booleans()), draw(st.sampled_from([("True",), ("True", "False")]))
    month = NAMES.index("Month")
    return [
        table[0],
        *(
            row
            for row in table[1:]
            if row[-1] not in dropped or (row[month] in months) is not inside
        ),
    ]


def repeated_rows(draw: st.DrawFn, table: Table) -> Table:
    count = draw(st.sampled_from([1, 50, 500]))
    return table + [list(row) for row in table[1 : 1 + count]]


def one_row_only(draw: st.DrawFn, table: Table) -> Table:
    row = table[draw(st.integers(1, len(table) - 1))]
    return [table[0]] + [list(row) for _ in range(len(table) - 1)]


def one_class_only(draw: st.DrawFn, table: Table) -> Table:
    kept = draw(st.sampled_from(["True", "False"]))
    return [table[0], *(row for row in table[1:] if row[-1] == kept)]


def few_rows(draw: st.DrawFn, table: Table) -> Table:
    return table[: 1 + draw(st.sampled_from([0, 1, 2, 10, 150, 399]))]


def another_order_of_columns(draw: st.DrawFn, table: Table) -> Table:
    order = draw(st.permutations(range(len(table[0]))))
    return [[row[place] for place in order] for row in table]


def another_order_of_rows(draw: st.DrawFn, table: Table) -> Table:
    rows = table[1:]
    random.Random(draw(st.integers(0, 99))).shuffle(rows)  # noqa: S311  no secret
    return [table[0], *rows]


def a_column_less(draw: st.DrawFn, table: Table) -> Table:
    column = draw(columns) % len(table[0])
    return [row[:column] + row[column + 1 :] for row in table]


def a_column_more(draw: st.DrawFn, table: Table) -> Table:
    name = draw(st.sampled_from(["", "index", "Revenue", "Unnamed: 0", "Revenue\u200b"]))
    return [[*row, name if number == 0 else "1"] for number, row in enumerate(table)]


def a_column_renamed(draw: st.DrawFn, table: Table) -> Table:
    names = [*NAMES, "", "revenue", " Revenue", "Revenue ", "Revenue.1", "\0"]
    table[0][draw(columns) % len(table[0])] = draw(st.sampled_from(names))
    return table


def a_second_header(draw: st.DrawFn, table: Table) -> Table:
    table.insert(draw(st.integers(1, len(table))), list(table[0]))
    return table


def no_header(_: st.DrawFn, table: Table) -> Table:
    return table[1:]


def a_row_of_another_length(draw: st.DrawFn, table: Table) -> Table:
    row = table[draw(st.integers(1, len(table) - 1))]
    if draw(st.booleans()):
        row.append("1")
    else:
        row.pop()
    return table


def other_line_ends(draw: st.DrawFn, text: str) -> str:
    return text.replace("\n", draw(st.sampled_from(["\r\n", "\r", "\n\n", "\n\r", "\u2028"])))


def another_separator(draw: st.DrawFn, text: str) -> str:
    return text.replace(",", draw(st.sampled_from([";", "\t", "|", ", ", " ,"])))


def another_spelling(draw: st.DrawFn, text: str) -> str:
    before, after = draw(
        st.sampled_from([("True", "TRUE"), ("True", "1"), ("False", "no"), (".", ","), ("0.", ".")])
    )
    return text.replace(before, after)


def an_insertion(draw: st.DrawFn, text: str) -> str:
    place = draw(st.integers(0, len(text)))
    what = draw(st.sampled_from(['"', '""', ",", "\n", "#", "\0", "\\", "'", "\x1a", ",,,,", "é"]))
    return text[:place] + what + text[place:]


def an_end(draw: st.DrawFn, text: str) -> str:
    return text + draw(st.sampled_from(["\n", "\n\n", "total,400\n", " ", ",", '"', "\x1a", "\0"]))


def a_cut(draw: st.DrawFn, content: bytes) -> bytes:
    return content[: draw(st.integers(0, len(content)))]


def a_flipped_byte(draw: st.DrawFn, content: bytes) -> bytes:
    place = draw(st.integers(0, max(0, len(content) - 1)))
    return content[:place] + bytes([draw(st.integers(0, 255))]) + content[place + 1 :]


def another_encoding(draw: st.DrawFn, content: bytes) -> bytes:
    encoding = draw(st.sampled_from(["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp037"]))
    return content.decode(errors="replace").encode(encoding, "replace")


def gzipped(_: st.DrawFn, content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def zipped(draw: st.DrawFn, content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as members:
        for name in draw(st.sampled_from([["a.csv"], ["a.csv", "b.csv"], [], ["folder/"]])):
            members.writestr(name, content)
    return archive.getvalue()


def a_prefix(draw: st.DrawFn, content: bytes) -> bytes:
    kinds = [
        b"PAR1",
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"<html>",
        b"\xef\xbb\xbf",
        b"\n",
        b"# a comment\n",
    ]
    return draw(st.sampled_from(kinds)) + content


PLAUSIBLE = {
    "a_plausible_column",
    "purchases_or_none_of_some_months",
    "repeated_rows",
    "another_order_of_rows",
}
OF_TABLE: tuple[Mutation[Table], ...] = (
    purchases_or_none_of_some_months,
    repeated_rows,
    another_order_of_rows,
    one_row_only,
    one_class_only,
    few_rows,
    one_cell,
    one_column,
    a_plausible_column,
    another_order_of_columns,
    a_column_less,
    a_column_more,
    a_column_renamed,
    a_second_header,
    no_header,
    a_row_of_another_length,
)
OF_TEXT: tuple[Mutation[str], ...] = (
    other_line_ends,
    another_separator,
    another_spelling,
    an_insertion,
    an_end,
)
OF_BYTES: tuple[Mutation[bytes], ...] = (
    another_encoding,
    gzipped,
    zipped,
    a_cut,
    a_flipped_byte,
    a_prefix,
)
KINDS = tuple(mutation.__name__ for mutation in (*OF_TABLE, *OF_TEXT, *OF_BYTES))


@st.composite
def hostile_files(draw: st.DrawFn, kind: str) -> tuple[list[str], bytes]:
    """Draw a file, and the one to three mutations that made it of the good one.

    One of the mutations is `kind`. If it yields values that may pass, the others do too, so that
    some files pass.
    """
    others = sorted(PLAUSIBLE) if kind in PLAUSIBLE else KINDS
    kinds = [kind, *draw(st.lists(st.sampled_from(others), max_size=2, unique=True))]
    table = list(csv.reader(io.StringIO(GOOD.decode())))
    for of_table in OF_TABLE:
        if of_table.__name__ in kinds and len(table) > 1:
            table = of_table(draw, table)
    written = io.StringIO()
    dialect: type[csv.Dialect] = draw(st.sampled_from([csv.excel, csv.unix_dialect]))
    csv.writer(written, dialect, lineterminator="\n").writerows(table)
    text = written.getvalue()
    for of_text in OF_TEXT:
        if of_text.__name__ in kinds:
            text = of_text(draw, text)
    content = text.encode()
    for of_bytes in OF_BYTES:
        if of_bytes.__name__ in kinds:
            content = of_bytes(draw, content)
    return kinds, content
