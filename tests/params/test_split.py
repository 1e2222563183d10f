"""Section ``split``: a share between 0 and 1, and a seed."""

import pytest

from ecom.params.split import Split
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"test_size": 1}, "split.test_size: 1 is not allowed; input should be less than 1"),
        ({"test_size": 0.0}, "split.test_size: 0.0 is not allowed; input should be greater than 0"),
        (
            {"test_size": float("nan")},
            "split.test_size: nan is not allowed; input should be a finite number",
        ),
        ({"seed": -1}, "split.seed: -1 is not allowed; input should be greater than or equal to 0"),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Split, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"test_size": 0.5}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Split, changes) == []
