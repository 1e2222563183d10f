"""Answers are JSON whose numbers read back to the last digit."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ecom.serving.answers import Answer, Predictions, Refusal
from ecom.serving.sessions import Problem


@given(probability=st.floats(0, 1))
def test_a_probability_reads_back_to_the_last_digit(probability: float) -> None:
    written = msgspec.json.encode(Answer(probability, True, ["Month"]))

    assert json.loads(written) == {
        "probability": probability,
        "flagged": True,
        "unknown_categories": ["Month"],
    }


def test_a_session_without_an_answer_is_null_beside_its_problem() -> None:
    problem = Problem("true or false", "1", "Weekend", 1)
    found = Predictions([Answer(0.5, True, []), None], [problem], 0.15, "model", "id")

    content = json.loads(msgspec.json.encode(found))

    assert content["answers"][1] is None
    assert content["problems"] == [
        {"rule": "true or false", "value": "1", "field": "Weekend", "row": 1}
    ]


def test_a_refusal_names_no_field_that_is_not_known() -> None:
    refusal = Refusal("correct the problems", "id", [Problem("JSON", "x")])

    assert json.loads(msgspec.json.encode(refusal))["problems"] == [{"rule": "JSON", "value": "x"}]
