"""Section ``cv``: distinct candidates, and a rule to select one."""

import pytest

from ecom.params.cv import Cv
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"rule": "simplest"},
            "cv.rule: 'simplest' is not allowed; input should be 'best' or 'one_standard_error'",
        ),
        (
            {"candidates": ["logistic", "logistic"]},
            "cv: candidates names 'logistic' twice",
        ),
        ({"candidates": []}, "cv.candidates: [] is not allowed; list should have at least 1 item"),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Cv, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"candidates": ["average"]}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Cv, changes) == []
