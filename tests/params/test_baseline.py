"""Section ``baseline``: a positive penalty."""

import pytest

from ecom.params.baseline import Baseline
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"C": 0.0}, "baseline.C: 0.0 is not allowed; input should be greater than 0"),
        ({"C": "1e-5"}, "baseline.C: '1e-5' is not allowed; input should be a valid number"),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Baseline, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"C": 1e-05}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Baseline, changes) == []
