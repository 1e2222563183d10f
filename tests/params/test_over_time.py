"""Section ``over_time``: a number of months before the first that is judged, or none."""

import pytest

from ecom.params.over_time import OverTime
from params import faults_of


@pytest.mark.parametrize("value", [0, -1, "May", 1.5])
def test_a_value_that_is_not_allowed_is_told(value: object) -> None:
    (fault,) = faults_of(OverTime, {"months_before": value})

    assert fault.startswith(f"over_time.months_before: {value!r} is not allowed; ")


@pytest.mark.parametrize("value", [1, 12, None])
def test_other_values_are_taken(value: int | None) -> None:
    assert faults_of(OverTime, {"months_before": value}) == []
