"""Section ``features``: one of the feature sets of the schema."""

import pytest

from ecom.params.features import Features
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"set": "arrival"},
            "features.set: 'arrival' is not allowed; input should be 'end_of_session', 'without_page_values' or 'at_arrival'",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Features, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"set": "at_arrival"}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Features, changes) == []
