"""Section ``cross_fit``: at least two repeats, each with a seed."""

import pytest

from ecom.params.cross_fit import CrossFit
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"repeats": 1}, "cross_fit.repeats: 1 is not allowed; input should be greater than or"),
        ({"seed": 2**32 - 1}, "cross_fit.seed: 4294967295 is not allowed; input should be less"),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(CrossFit, changes)

    assert fault.startswith(said)


def test_each_repeat_has_a_seed_of_its_own() -> None:
    assert list(CrossFit(repeats=3, seed=7, n_jobs=1).seeds) == [7, 8, 9]
