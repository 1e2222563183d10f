"""Section ``folds``: at least two folds."""

import pytest

from ecom.params.folds import Folds
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"n_splits": 1},
            "folds.n_splits: 1 is not allowed; input should be greater than or equal to 2",
        ),
        ({"seed": "x"}, "folds.seed: 'x' is not allowed; input should be a valid integer"),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Folds, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"n_splits": 2}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Folds, changes) == []
