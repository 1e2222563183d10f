"""Repeats use other folds than those that chose the hyperparameters."""

import pytest

from ecom.params.cross_fit import CrossFit, find_faults
from ecom.params.folds import Folds

FOLDS = Folds(n_splits=5, seed=42)


@pytest.mark.parametrize(("seed", "fine"), [(37, True), (38, False), (42, False), (43, True)])
def test_a_repeat_on_the_folds_of_the_search_is_refused(seed: int, fine: bool) -> None:
    faults = find_faults(CrossFit(repeats=5, seed=seed, n_jobs=1), FOLDS)

    assert fine == (not faults)
    if faults:
        (fault,) = faults
        assert fault.startswith(f"cross_fit.seed: {seed} is not allowed; input should leave out")
        assert fault.endswith(f"folds.seed, 42, up to the last repeat's, {seed + 4}")


def test_a_section_with_faults_of_its_own_is_not_judged_twice() -> None:
    assert find_faults(None, FOLDS) == []
