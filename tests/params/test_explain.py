"""Section ``explain``: no more columns than a session has."""

import pytest

from ecom.params.explain import Explain
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"columns": 18},
            "explain.columns: 18 is not allowed; input should be less than or equal to 17",
        ),
        (
            {"rows": 1},
            "explain.rows: 1 is not allowed; input should be greater than or equal to 10",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Explain, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize("changes", [{"columns": 17}])
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Explain, changes) == []
