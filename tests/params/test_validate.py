"""Section ``validate``: bounds that are in order."""

import pytest

from ecom.params.validate import Validate
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"min_rows": 30000}, "validate: min_rows 30000 is above max_rows 20000"),
        (
            {"min_positive_rate": 0.9},
            "validate: min_positive_rate 0.9 is above max_positive_rate 0.4",
        ),
        (
            {"max_positive_rate": 1.0},
            "validate.max_positive_rate: 1.0 is not allowed; input should be less than 1",
        ),
        (
            {"min_rows": 0},
            "validate.min_rows: 0 is not allowed; input should be greater than or equal to 1",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Validate, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"min_rows": 20000}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Validate, changes) == []
