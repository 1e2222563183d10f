"""Raw files: what is right passes, and every fault is listed with its column, rule and line."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecom.data import validation
from ecom.data.cleaning import to_types
from ecom.data.parsing import parse_csv
from ecom.data.synthetic import generate_sessions
from ecom.data.validation import Report, typed_sessions, valid_rows
from ecom.errors import DataError
from ecom.params.validate import Validate
from ecom.schema import COLUMNS, FEATURES, NAMES
from generated import cleaned_csv

BOUNDS = Validate(min_rows=100, max_rows=400, min_positive_rate=0.02, max_positive_rate=0.5)
SESSIONS = generate_sessions(300, seed=1)


def validate(
    content: bytes, bounds: Validate, months_before: int | None = None, **settings: Any
) -> Report:
    """Validate a file of this content."""
    return validation.validate(io.BytesIO(content), bounds, months_before, **settings)


def csv(sessions: pd.DataFrame = SESSIONS) -> bytes:
    return sessions.to_csv(index=False).encode()


def with_cell(column: str, text: str, row: int = 4) -> bytes:
    sessions = SESSIONS.astype(object)
    sessions.loc[row, column] = text
    return csv(sessions)


def test_generated_sessions_pass_and_are_counted() -> None:
    report = validate(csv(), BOUNDS)

    assert report.problems == []
    assert (report.rows, report.columns, report.missing) == (300, 18, 0)
    assert report.positive_rate == pytest.approx(SESSIONS["Revenue"].mean())
    assert report.duplicates == SESSIONS.duplicated().sum() > 0


@pytest.mark.parametrize(
    "same",
    [
        csv(SESSIONS[list(reversed(NAMES))]),
        csv().replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + csv(),
        csv().replace(b"True", b"TRUE").replace(b"False", b"0"),
        csv() + b"\n\n",
        SESSIONS.to_csv(index=False, quoting=2).encode(),
    ],
    ids=["shuffled columns", "crlf", "byte order mark", "booleans", "blank end", "quoted"],
)
def test_the_same_sessions_in_another_spelling_are_the_same(same: bytes) -> None:
    of_same, of_plain = validate(same, BOUNDS), validate(csv(), BOUNDS)

    assert replace(of_same, sha256="") == replace(of_plain, sha256="")
    assert cleaned_csv(same).equals(cleaned_csv(csv()))


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        (
            "Administrative",
            "many",
            "Administrative must be a number, but 1 row broke this rule (line 6: 'many')",
        ),
        (
            "Administrative",
            "1.5",
            "Administrative must be a whole number, but 1 row broke this rule (line 6: '1",
        ),
        (
            "ProductRelated",
            "-1",
            "ProductRelated must be from 0 to 100,000, but 1 row broke this rule (line 6:",
        ),
        ("ProductRelated", "1e300", "ProductRelated must be from 0 to 100,000"),
        (
            "PageValues",
            "inf",
            "PageValues must be a number, but 1 row broke this rule (line 6: 'inf')",
        ),
        (
            "PageValues",
            "nan",
            "PageValues must be a number, but 1 row broke this rule (line 6: 'nan')",
        ),
        ("PageValues", "", "PageValues must be present, but 1 row broke this rule (line 6: empty)"),
        (
            "BounceRates",
            "1.01",
            "BounceRates must be from 0 to 1, but 1 row broke this rule (line 6: '1.01')",
        ),
        ("Month", "Sept", "Month must be one of Jan, Feb, Mar, Apr, May, June, Jul, Aug, Sep,"),
        ("VisitorType", "Robot", "VisitorType must be one of New_Visitor, Other, Returning_V"),
        (
            "Weekend",
            "maybe",
            "Weekend must be TRUE or FALSE, but 1 row broke this rule (line 6: 'maybe')",
        ),
        (
            "Browser",
            "0",
            "Browser must be from 1 to 1,000,000, but 1 row broke this rule (line 6: '0')",
        ),
        ("Revenue", "", "Revenue must be present, but 1 row broke this rule (line 6: empty)"),
    ],
)
def test_a_bad_cell_is_named_by_column_rule_line_and_value(
    column: str, text: str, said: str
) -> None:
    report = validate(with_cell(column, text), BOUNDS)

    assert [str(problem)[: len(said)] for problem in report.problems] == [said]


def test_a_file_that_lost_its_line_ends_gets_a_short_message() -> None:
    report = validate(b"Month," + b"1,2," * 20_000, BOUNDS)

    assert len(str(report.problems)) < 5_000


def test_every_problem_is_listed_not_only_the_first() -> None:
    sessions = SESSIONS.astype(object)
    sessions.loc[:9, "Month"] = "Smarch"
    sessions.loc[3, "ExitRates"] = -0.1

    with pytest.raises(DataError) as raised:
        validate(csv(sessions), BOUNDS).raise_if_invalid()

    lines = str(raised.value).splitlines()
    assert lines[0] == "the raw data has 3 problems:"
    assert lines[-1].startswith("  - in all, 10 of 300 rows break a rule: correct them, or set")
    assert "ExitRates must be from 0 to 1, but 1 row broke this rule (line 5: '-0.1')" in str(
        raised.value
    )
    assert "10 rows broke this rule (line 2: 'Smarch', line 3: 'Smarch'" in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (csv().replace(b",", b";"), "separated by semicolons; expected commas"),
        (csv().replace(b",", b"\t"), "separated by tabs; expected commas"),
        (csv().partition(b"\n")[2], "the first line is not a header"),
        (csv(SESSIONS.drop(columns="Month")), "missing 'Month'"),
        (csv(SESSIONS.assign(Session=1)), "unexpected 'Session'"),
        (csv().replace(b"Region", b"Browser", 1), "missing 'Region'; repeated 'Browser'"),
        (b"", "the file is empty"),
        (csv()[:-40], "the file ends in the middle of a row (line 301 has"),
        (csv(SESSIONS[:40]), "40 rows, expected 100 to 400: was it truncated?"),
        (csv() + csv(), "the header is repeated on line 302: were files appended?"),
        (csv() + csv().partition(b"\n")[2], "its second half repeats the first"),
        (csv(pd.concat([SESSIONS, SESSIONS[:200]])), "500 rows, expected 100 to 400: was another"),
        (csv().replace(b"\n", b",9\n", 9).replace(b",9", b"", 1), "do not all have 18 fields"),
        (csv().replace(b"May", b"\xff\xfe\xff"), "not UTF-8 text"),
        (csv(SESSIONS.assign(Revenue=False)), "0.0% of the distinct sessions end in a purchase"),
        (csv(SESSIONS.assign(Revenue=True)), "100.0% of the distinct sessions end in a purchase"),
        (csv(SESSIONS[:0]), "0 rows, expected 100 to 400"),
        (b'"' + csv(), "the first line is not a header"),
        (csv().replace(b"\n", b"\r"), "not comma-separated lines of text"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_wrong_as_a_whole_gets_its_likely_cause(content: bytes, said: str) -> None:
    report = validate(content, BOUNDS)

    assert any(said in str(problem) for problem in report.problems), report.problems


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("rows", [range(1, 301), range(1, 3), range(290, 301)])
def test_a_row_with_too_many_fields_is_never_cut_to_size(rows: range) -> None:
    # Outside pytest, where warnings are no errors, pandas drops the fields it has no column for.
    lines = csv().splitlines()
    longer = [line + b",9" if number in rows else line for number, line in enumerate(lines)]

    report = validate(b"\n".join(longer), BOUNDS)

    assert "do not all have 18 fields" in str(report.problems)


def test_a_cut_within_the_last_field_is_told_as_truncation() -> None:
    report = validate(csv().rstrip()[:-1], BOUNDS)

    assert "the file ends within its last row: was it truncated? Fetch it again" in map(
        str, report.problems
    )


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Return a raw file with one to three hostile changes."""
    rows = csv().splitlines()
    for _ in range(draw(st.integers(1, 3))):
        rows = _changed(draw, rows)
    return b"\n".join(rows)


def _changed(draw: st.DrawFn, rows: list[bytes]) -> list[bytes]:
    changes: list[Callable[[], list[bytes]]] = [
        lambda: _with_cell(draw, rows),
        lambda: rows[: draw(st.integers(0, len(rows)))],
        lambda: [*rows, draw(st.binary(max_size=40))],
        lambda: [*rows, *rows[: draw(st.integers(0, 20))]],
        lambda: [draw(st.binary(max_size=20)), *rows],
        lambda: [row + b"," for row in rows],
    ]
    return draw(st.sampled_from(changes))()


def _with_cell(draw: st.DrawFn, rows: list[bytes]) -> list[bytes]:
    if not rows:
        return rows
    line = draw(st.integers(0, len(rows) - 1))
    cells = rows[line].split(b",")
    cells[draw(st.integers(0, len(cells) - 1))] = draw(
        st.sampled_from(
            [b"NaN", b"-1", b"inf", b"1e999", b"", b'"', b"TRUE", b"May", b"0x1F", b"1_0"]
        )
        | st.binary(max_size=8)
        | st.text(max_size=8).map(str.encode)
    )
    return [*rows[:line], b",".join(cells), *rows[line + 1 :]]


@given(content=mutations())
@settings(max_examples=60)
def test_what_passes_at_a_glance_is_what_breaks_no_rule(content: bytes) -> None:
    try:
        table = parse_csv(content)
    except DataError:
        return

    schema = validation.pandera_schema()
    try:
        schema.validate(table, lazy=True)
        breaks_none = True
    except pa.errors.SchemaErrors:
        breaks_none = False
    assert validation._is_valid(table) == breaks_none


@given(content=mutations(), rows=st.sampled_from([29, 100, 299]), drop=st.booleans())
@settings(max_examples=20)
def test_a_file_is_judged_the_same_however_many_rows_are_read_at_a_time(
    content: bytes, rows: int, drop: bool
) -> None:
    whole = validate(content, BOUNDS, 2, drop_invalid=drop)

    assert validate(content, BOUNDS, 2, drop_invalid=drop, rows=rows) == whole


@given(content=mutations())
def test_hostile_files_pass_with_types_or_stop_with_a_message(content: bytes) -> None:
    report = validate(content, BOUNDS)

    if report.problems:
        with pytest.raises(DataError, match=r"\w"):
            report.raise_if_invalid()
    else:
        sessions = cleaned_csv(content)
        for column in COLUMNS:
            values = sessions[column.name]
            if column.type == "category":
                assert values.isin(column.allowed).all()
            else:
                assert values.between(column.minimum, column.maximum).all()


def test_rows_that_all_repeat_each_other_are_too_few() -> None:
    report = validate(csv(pd.concat([SESSIONS[:9]] * 31)), BOUNDS)
    (problem,) = report.problems

    assert str(problem).startswith(
        "the file has 279 rows, expected 100 to 400: only 9 of them differ. Was a part of it"
    )
    assert report.duplicates == 270


@pytest.mark.parametrize(
    ("dropped", "said"),
    [
        (~SESSIONS["Month"].isin(["Nov", "Dec"]) & SESSIONS["Revenue"], "Month before Nov has"),
        (SESSIONS["Month"].isin(["Nov", "Dec"]) & SESSIONS["Revenue"], "Month from Nov on has"),
        (SESSIONS["Month"].isin(["Nov", "Dec"]), "the data has 8 months; judging months by mod"),
    ],
)
def test_a_hold_out_in_time_needs_both_classes_on_either_side(
    dropped: "pd.Series[bool]", said: str
) -> None:
    content = csv(SESSIONS[~dropped])

    with_time = validate(content, BOUNDS, months_before=8)

    assert [str(problem)[: len(said)] for problem in with_time.problems] == [said]
    assert "set over_time.months_before to a" in str(with_time.problems[0])
    assert validate(content, BOUNDS).problems == []


def test_sessions_as_pandas_reads_them_get_the_types_of_the_schema() -> None:
    raw = generate_sessions(50, seed=1).to_csv(index=False).encode()
    expected = to_types(parse_csv(raw))
    read = pd.read_csv(io.BytesIO(raw)).set_axis(range(100, 150))

    for sessions in (
        read,
        read.astype({"Administrative": float, "Weekend": int}),
        read.astype(str),
    ):
        typed = typed_sessions(sessions.assign(more=1), FEATURES)
        pd.testing.assert_frame_equal(typed.reset_index(drop=True), expected[list(FEATURES)])
        assert list(typed.index) == list(read.index)
    assert list(typed_sessions(read, ["Month"])) == ["Month"]
    assert typed_sessions(read.head(0), FEATURES).empty


def test_sessions_with_faults_are_refused_by_column_rule_and_row() -> None:
    sessions = generate_sessions(3, seed=1).assign(
        Month="Smarch", ProductRelated_Duration=[-1.0, np.nan, 1.0]
    )

    with pytest.raises(DataError) as raised:
        typed_sessions(sessions, FEATURES)

    said = str(raised.value)
    assert (
        "ProductRelated_Duration must be present, but 1 row broke this rule (row 1: empty)" in said
    )
    assert "ProductRelated_Duration must be from 0 to 10,000,000, but 1 row broke this" in said
    assert "Month must be one of Jan" in said
    with pytest.raises(DataError, match="no column Month, Weekend"):
        typed_sessions(sessions.drop(columns=["Month", "Weekend"]), FEATURES)


def test_a_row_without_any_value_is_one_problem() -> None:
    lines = csv().split(b"\n")

    for empty in (b"", b"," * 17):
        report = validate(b"\n".join([*lines[:50], empty, *lines[50:]]), BOUNDS)
        (problem,) = report.problems
        assert str(problem).startswith("1 row holds no value (line 51): delete such rows, or set")


def test_rows_are_not_left_out_where_hardly_any_would_stay() -> None:
    sessions = SESSIONS.astype(object)
    sessions["Month"] = "Smarch"
    sessions["ExitRates"] = -1

    problems = validate(csv(sessions), BOUNDS).problems

    (counted,) = (str(each) for each in problems if "in all, " in str(each))
    assert counted == "in all, 300 of 300 rows break a rule: correct them"


def test_invalid_rows_are_counted_once_and_left_out_if_asked() -> None:
    sessions = SESSIONS.astype(object)
    sessions.loc[[3, 9, 12], ["Administrative_Duration", "ProductRelated_Duration"]] = -1
    sessions.loc[[20, 30], ["BounceRates", "ExitRates"]] = None
    content = csv(sessions)

    strict, tolerant = validate(content, BOUNDS), validate(content, BOUNDS, drop_invalid=True)

    assert "in all, 5 of 300 rows break a rule" in str(strict.problems[-1])
    assert strict.invalid_rows == tolerant.invalid_rows == 5
    assert tolerant.problems == []
    assert (tolerant.rows, tolerant.missing) == (295, 0)
    assert list(valid_rows(parse_csv(content)).index) == [
        row for row in range(300) if row not in {3, 9, 12, 20, 30}
    ]


def test_invalid_rows_do_not_hide_that_too_few_are_left() -> None:
    content = csv(SESSIONS.astype(object).assign(Month="Smarch"))

    report = validate(content, BOUNDS, drop_invalid=True)

    assert report.invalid_rows == 300
    assert "the file has 0 rows" in str(report.problems[0])
