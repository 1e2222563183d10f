"""Section ``learning_curve``: shares that rise, between none and all."""

import pytest

from ecom.params.learning_curve import LearningCurve
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shares": []}, "learning_curve.shares: [] is not allowed; list should have at least 1"),
        (
            {"shares": [0.5, 1.0]},
            "learning_curve.shares.1: 1.0 is not allowed; input should be less",
        ),
        (
            {"shares": [0.2, 0.5, 0.5]},
            "learning_curve: shares has 0.5 before 0.5; each must be above the last",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(LearningCurve, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"shares": [0.5]}, {"shares": [0.01, 0.99]}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(LearningCurve, changes) == []
