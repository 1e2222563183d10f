"""Section ``review``: each metric once, and a margin that is no smaller than what matters."""

import pytest

from ecom.params.review import Review
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"decisive.log_loss.margin": 0.0001},
            "review.decisive.log_loss: margin 0.0001 is below smallest_difference 0.0015",
        ),
        ({"shown": ["recall", "pr_auc"]}, "review: decisive and shown name 'pr_auc' twice"),
        ({"decisive": {}}, "review.decisive: {} is not allowed; dictionary should have at least 1"),
        (
            {"decisive.pr_auc.smallest_difference": -1},
            "review.decisive.pr_auc.smallest_difference: -1 is not allowed; input should be greater",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Review, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"shown": []}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Review, changes) == []
