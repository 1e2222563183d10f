"""Changes planted in the real model get the verdict that they should."""

import pandas as pd
import pytest

from ecom.data.cleaning import clean
from ecom.data.parsing import parse_csv
from ecom.review.verdicts import Side
from project import NEEDS_REAL_DATA, real_data
from verdicts import PLANTED, Trial


@pytest.fixture(scope="module")
def trial() -> Trial:
    path = real_data()
    if path is None:
        pytest.skip(NEEDS_REAL_DATA)
    sessions: pd.DataFrame = clean(parse_csv(path.read_bytes()), drop_duplicates=True)
    return Trial(sessions)


@pytest.fixture(scope="module")
def base(trial: Trial) -> Side:
    return trial.side()


@pytest.mark.parametrize("change", PLANTED)
def test_a_planted_change_gets_its_verdict(trial: Trial, base: Side, change: str) -> None:
    expected, changes = PLANTED[change]

    assert trial.overall(trial.judge(base, trial.side(**changes))) == expected
