"""Section ``threshold``: a strategy, and errors that cost."""

import pytest

from ecom.params.threshold import Threshold
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"strategy": "cost"},
            "threshold.strategy: 'cost' is not allowed; input should be 'minimum_cost', 'break_even', 'quota'",
        ),
        ({"quota": 1.0}, "threshold.quota: 1.0 is not allowed; input should be less than 1"),
        (
            {"costs": {"false_positive": 0.0, "false_negative": 0.0}},
            "threshold.costs: false_positive and false_negative are both 0; at least one must be above 0",
        ),
        (
            {"costs.false_negative": -5},
            "threshold.costs.false_negative: -5 is not allowed; input should be greater than or equal to 0",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Threshold, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"fixed": 1.0}, {"costs.false_positive": 0.0}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Threshold, changes) == []
