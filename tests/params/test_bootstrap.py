"""Section ``bootstrap``: enough resamples for an interval."""

import pytest

from ecom.params.bootstrap import Bootstrap
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"resamples": 10},
            "bootstrap.resamples: 10 is not allowed; input should be greater than or equal to 100",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Bootstrap, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"resamples": 100}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Bootstrap, changes) == []
