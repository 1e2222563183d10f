"""Section ``review``: decisive metrics are among those that are judged."""

import pytest

from ecom.params.review import Review
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"decisive": ["f1"]},
            "review: decisive names 'f1'; expected metrics of smallest_difference",
        ),
        (
            {"decisive": ["pr_auc", "pr_auc"]},
            "review: decisive names 'pr_auc' twice",
        ),
        ({"decisive": []}, "review.decisive: [] is not allowed; list should have at least 1 item"),
        (
            {"smallest_difference.pr_auc": -1},
            "review.smallest_difference.pr_auc: -1 is not allowed; input should be greater than or equal to 0",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Review, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"decisive": ["brier"]}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Review, changes) == []
