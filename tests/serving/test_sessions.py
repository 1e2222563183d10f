"""Requests are read as the manifest says; what is wrong is named by field, rule and value."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.schema import CATEGORICAL, FEATURES
from ecom.serving.manifest import packaged_columns
from ecom.serving.sessions import LONGEST_TEXT, BadInput, Problem, Reader

COLUMNS = packaged_columns("end_of_session")
READER = Reader(COLUMNS)
SESSION: dict[str, Any] = {
    **dict.fromkeys(FEATURES, 1),
    "Month": "Nov",
    "VisitorType": "Other",
    "Weekend": True,
}
MONTH = (
    "one of Jan, Feb, Mar, Apr, May, June, Jul, Aug, Sep, Oct, Nov, Dec, "
    "or another text of at most 100 characters"
)
# What is wrong, by field, and how it is named.
WRONG: list[tuple[str, str, str]] = [
    ("Administrative", '"3"', "a whole number from 0 to 100,000"),
    ("Administrative", "true", "a whole number from 0 to 100,000"),
    ("Administrative", "1.5", "a whole number from 0 to 100,000"),
    ("Administrative", "-1", "a whole number from 0 to 100,000"),
    ("Administrative", "null", "a whole number from 0 to 100,000"),
    ("Administrative", "1" + "0" * 500, "a whole number from 0 to 100,000"),
    ("PageValues", "NaN", "a number from 0 to 1,000,000,000"),
    ("PageValues", "Infinity", "a number from 0 to 1,000,000,000"),
    ("PageValues", "-Infinity", "a number from 0 to 1,000,000,000"),
    ("PageValues", "1e999", "a number from 0 to 1,000,000,000"),
    ("PageValues", "[1]", "a number from 0 to 1,000,000,000"),
    ("Weekend", "1", "true or false"),
    ("Weekend", '"true"', "true or false"),
    ("Month", "11", MONTH),
    ("Month", '"' + "x" * 101 + '"', MONTH),
    ("Month", '"\\ud800"', MONTH),
]


def written(session: Any) -> bytes:
    return json.dumps(session).encode()


def with_value(field: str, value: str) -> bytes:
    """Return a session with a value as it stands in the text."""
    marked = json.dumps(SESSION | {field: "MARK"})
    return marked.replace('"MARK"', value).encode()


def problems(body: bytes) -> tuple[Problem, ...]:
    with pytest.raises(BadInput) as refused:
        READER.one(body)
    return refused.value.problems


def test_a_session_becomes_what_the_graphs_take() -> None:
    inputs = READER.one(written(SESSION | {"user": "ignored"}))

    assert set(inputs) == set(FEATURES)
    for name, values in inputs.items():
        assert values.shape == (1,)
        assert values.dtype == (object if name in CATEGORICAL else np.float64)
        assert values[0] == SESSION[name]


@pytest.mark.parametrize(("field", "value", "rule"), WRONG)
def test_a_wrong_value_is_named_by_field_rule_and_value(field: str, value: str, rule: str) -> None:
    (problem,) = problems(with_value(field, value))

    assert (problem.field, problem.rule, problem.row) == (field, rule, None)
    assert problem.value[:3] == value[:3] or value == "1e999"
    assert len(problem.value) <= LONGEST_TEXT


def test_all_problems_of_a_session_are_named() -> None:
    wrong = SESSION | {"Month": 7, "PageValues": -1}
    del wrong["Weekend"]

    assert [(problem.field, problem.value) for problem in problems(written(wrong))] == [
        ("PageValues", "-1"),
        ("Month", "7"),
        ("Weekend", "absent"),
    ]


def test_what_is_no_session_at_all_is_named() -> None:
    assert problems(b"[]") == (Problem("an object of columns by name", "[]"),)
    assert problems(b"{")[0].rule.startswith("JSON (Expecting property name")
    assert problems(b"\xff\xfe")[0].rule.startswith("JSON (")
    assert problems(b"[" * 100_000)[0].rule == "JSON (nested too deeply)"
    assert problems(b'{"Weekend": ' + b"1" * 5000 + b"}")[0].rule.startswith("JSON (")


@pytest.mark.parametrize("depth", [2000, 100_000])
def test_what_is_nested_too_deeply_is_refused_wherever_it_stands(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    within = written(SESSION)[:-1] + b', "other": ' + deep + b"}"

    for body in (deep, within, b'{"sessions": [' + within + b"]}"):
        assert problems(body)
        try:
            batch = READER.many(body, 10)
        except BadInput:
            continue
        assert batch.size == 1


def test_no_more_than_a_hundred_problems_are_named() -> None:
    batch = READER.checked([{}] * 50)

    assert len(batch.problems) == 101
    assert str(batch.problems[-1]).endswith("got 750 more problems")


def test_counts_may_be_written_with_a_decimal_point() -> None:
    inputs = READER.one(with_value("Administrative", "2.0"))

    assert inputs["Administrative"] == [2.0]


def test_an_unknown_category_is_no_problem_but_told() -> None:
    inputs = READER.one(written(SESSION | {"Month": "Brumaire"}))

    assert inputs["Month"] == ["Brumaire"]
    assert READER.unknown(inputs) == [["Month"]]
    assert READER.unknown(READER.one(written(SESSION))) == [[]]


def test_a_bad_row_of_a_batch_is_named_while_the_others_are_read() -> None:
    bad = SESSION | {"Month": None}
    batch = READER.many(written({"sessions": [SESSION, bad, 7, SESSION | {"Region": 9}]}), 10)

    assert (batch.size, list(batch.good)) == (4, [0, 3])
    assert batch.inputs["Region"].tolist() == [1, 9]
    assert [(problem.row, problem.field) for problem in batch.problems] == [(1, "Month"), (2, None)]


def test_a_batch_may_be_empty_and_may_be_all_wrong() -> None:
    for sessions in ([], [1, 2]):
        batch = READER.many(written({"sessions": sessions}), 10)

        assert len(batch.inputs["Month"]) == 0
        assert len(batch.problems) == len(sessions)


def test_a_batch_beyond_the_limit_is_refused_whole() -> None:
    for last in (SESSION, 1):
        with pytest.raises(BadInput) as refused:
            READER.many(written({"sessions": [SESSION, SESSION, last]}), 2)

        (problem,) = refused.value.problems
        assert (problem.field, problem.value) == ("sessions", "3 sessions")
        assert problem.rule == "at most 2 sessions: send several requests"


@pytest.mark.parametrize("body", [b"[]", b'{"sessions": {}}', b"{}", b"null"])
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput) as refused:
        READER.many(body, 10)

    assert refused.value.problems[0].rule.startswith("an object with a list of sessions")


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from([0, 1, 1.0, -0.0, "Nov", 100_000, 100_001, 1e9]),
    st.lists(st.integers(), max_size=1),
)


@pytest.mark.hostile
@given(changes=st.dictionaries(st.sampled_from(FEATURES), values, max_size=3))
def test_the_fast_way_and_the_exact_way_agree(changes: dict[str, Any]) -> None:
    session = SESSION | changes
    wrong = READER.checked([session]).problems

    # The body as it is, and the same with a literal that only the exact way reads.
    for body in (written(session), written(session)[:-1] + b', "other": NaN}'):
        if wrong:
            assert [p.field for p in problems(body)] == [p.field for p in wrong]
        else:
            inputs = READER.one(body)
            assert all(inputs[name][0] == session[name] for name in FEATURES)


@pytest.mark.hostile
@given(body=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    assert problems(body)
    with pytest.raises(BadInput):
        READER.many(body, 10)


def test_a_problem_reads_as_a_sentence() -> None:
    assert str(Problem("true or false", "1", "Weekend", 3)) == (
        "session 3: Weekend must be true or false, got 1"
    )
    assert str(Problem("JSON", "x")) == "the request must be JSON, got x"
