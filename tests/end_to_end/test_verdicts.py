"""Changes planted in the real model get the verdict that they should.

`make prove` plants all of them; `make test` some that were merged before verdicts had power.
"""

import pandas as pd
import pytest

from ecom.review.verdicts import Side
from generated import cleaned_csv
from project import NEEDS_REAL_DATA, real_data
from verdicts import PLANTED, Recipe, Trial, verdict

SOON = (
    "nothing",
    "10 % of the training labels flipped",
)


@pytest.fixture(scope="module")
def trial() -> Trial:
    path = real_data()
    if path is None:
        pytest.skip(NEEDS_REAL_DATA)
    sessions: pd.DataFrame = cleaned_csv(path.read_bytes())
    return Trial(sessions)


@pytest.fixture(scope="module")
def base(trial: Trial) -> Side:
    return trial.side(Recipe())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change, marks=[] if change in SOON else [pytest.mark.prove])
        for change in PLANTED
    ],
)
def test_a_planted_change_gets_its_verdict(trial: Trial, base: Side, change: str) -> None:
    expected, recipe = PLANTED[change]

    findings = trial.judge(base, trial.side(recipe), strategy_changed=bool(recipe.strategy))

    assert verdict(findings) == expected
