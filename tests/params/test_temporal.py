"""Section ``temporal``: a month with months before it, or none."""

import pytest

from ecom.params.temporal import Temporal
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"first_test_month": "Sept"},
            "temporal.first_test_month: 'Sept' is not allowed; input should be 'Jan', 'Feb', 'Mar'",
        ),
        (
            {"first_test_month": "Jan"},
            "temporal: first_test_month Jan has no month before it to train on",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Temporal, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"first_test_month": None}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Temporal, changes) == []


def test_the_test_months_reach_to_the_end_of_the_year() -> None:
    assert Temporal(first_test_month="Nov").test_months == ("Nov", "Dec")
    assert Temporal(first_test_month=None).test_months == ()
