"""Section ``evaluate``: how much is reported."""

import pytest

from ecom.params.evaluate import Evaluate
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"bins": 1},
            "evaluate.bins: 1 is not allowed; input should be greater than or equal to 2",
        ),
        (
            {"mistakes": 0},
            "evaluate.mistakes: 0 is not allowed; input should be greater than or equal to 1",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Evaluate, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"small_slice": 1}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Evaluate, changes) == []
