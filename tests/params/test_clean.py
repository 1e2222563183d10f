"""Section ``clean``: true or false, and nothing that is only like it."""

import pytest

from ecom.params.clean import Clean
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"drop_duplicates": "yes"},
            "clean.drop_duplicates: 'yes' is not allowed; input should be a valid boolean",
        ),
        (
            {"drop_duplicates": 1},
            "clean.drop_duplicates: 1 is not allowed; input should be a valid boolean",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Clean, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"drop_duplicates": False}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Clean, changes) == []
