"""Section ``package``: enough sessions to mean something."""

import pytest

from ecom.params.package import Package
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"rows": 1},
            "package.rows: 1 is not allowed; input should be greater than or equal to 100",
        ),
        (
            {"golden": 0},
            "package.golden: 0 is not allowed; input should be greater than or equal to 1",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Package, changes)

    assert fault.startswith(said)


def test_other_values_are_taken() -> None:
    assert faults_of(Package, {"rows": 100, "golden": 1}) == []
