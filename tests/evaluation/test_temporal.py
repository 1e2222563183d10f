"""In time, models that saw only earlier months are judged on every session of the later ones."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecom.errors import DataError
from ecom.evaluation.comparison import Criteria
from ecom.evaluation.metrics import COST
from ecom.evaluation.temporal import ScoredSessions, judge_over_time
from ecom.params.bootstrap import Bootstrap
from ecom.params.threshold import Costs

LABELS = pd.Series(np.tile([0, 1, 0, 0, 1], 20))
MONTHS = pd.Series(["May", "Nov", "Dec", "Nov"] * 25)
PERFECT, BLIND = 0.2 + 0.6 * LABELS.to_numpy(), np.full(100, 0.5)


def judged(test_months: list[str]) -> dict[str, Any]:
    earlier = {"earlier_baseline": BLIND, "earlier_best_model": PERFECT}
    sessions = pd.DataFrame({"Month": MONTHS})
    criteria = Criteria(
        {"baseline": 0.5, "best_model": 0.5},
        Costs(false_positive=1.0, false_negative=5.0),
        bins=10,
        bootstrap=Bootstrap(resamples=100, seed=0),
    )
    return judge_over_time(
        ScoredSessions(sessions, LABELS, earlier),
        ScoredSessions(sessions, LABELS, {**earlier, "baseline": PERFECT, "best_model": PERFECT}),
        test_months,
        criteria,
    )


def test_only_sessions_of_the_test_months_count_and_of_both_parts() -> None:
    found = judged(["Nov", "Dec"])

    late = LABELS[MONTHS != "May"]
    assert (found["sessions"], found["purchases"]) == (150, 2 * late.sum())
    assert found["best_model"]["pr_auc"] == pytest.approx(1)
    assert found["best_model"][COST] == 0
    assert found["baseline"]["pr_auc"] == pytest.approx(late.mean())


def test_what_it_is_worth_to_have_seen_the_months_is_paired_on_the_test_rows() -> None:
    found = judged(["Nov", "Dec"])["on_test_rows"]

    late = LABELS[MONTHS != "May"]
    assert (found["sessions"], found["purchases"]) == (75, late.sum())
    assert found["best_model_minus_earlier_best_model"]["pr_auc"] == 0
    assert found["baseline_minus_earlier_baseline"]["pr_auc"] == pytest.approx(1 - late.mean())


def test_test_months_without_both_classes_are_a_clear_error() -> None:
    with pytest.raises(
        DataError, match=r"first_test_month Sep on there are 0 test rows, 0 of them"
    ):
        judged(["Sep"])
