"""Section ``over_time``: a month with months before it, or none."""

import pytest

from ecom.params.over_time import OverTime
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"first_month": "Sept"},
            "over_time.first_month: 'Sept' is not allowed; input should be 'Jan', 'Feb', 'Mar'",
        ),
        (
            {"first_month": "Jan"},
            "over_time: first_month Jan has no month before it to train on",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(OverTime, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"first_month": None}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(OverTime, changes) == []


def test_the_months_reach_to_the_end_of_the_year() -> None:
    assert OverTime(first_month="Nov").months == ("Nov", "Dec")
    assert OverTime(first_month=None).months == ()
