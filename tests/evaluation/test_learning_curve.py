"""The learning curve: PR-AUC by share, and what the last step adds, paired."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from ecom.evaluation.learning_curve import judge_shares, shares_table
from ecom.params.bootstrap import Bootstrap
from ecom.schema import TARGET

RANDOM = np.random.default_rng(0)
LABELS = (RANDOM.random(1000) < 0.2).astype(int)


def scores(signal: float) -> np.ndarray:
    return np.asarray(signal * LABELS + np.random.default_rng(1).normal(size=1000))


SESSIONS = pd.DataFrame(
    {
        TARGET: LABELS,
        "fold": np.arange(1000) % 5,
        "baseline 0.5": scores(1.0),
        "best_model 0.25": scores(1.0),
        "best_model 0.5": scores(2.0),
        "baseline 0.25": scores(1.0),
        "baseline 1.0": scores(1.0),
        "best_model 1.0": scores(2.5),
    }
)


def judged() -> dict[str, Any]:
    return judge_shares(SESSIONS, Bootstrap(resamples=100, seed=0), worth=0.01)


def test_the_rows_that_are_enough_are_those_of_the_curve_with_an_interval() -> None:
    enough = judged()["enough"]

    low, high = enough["interval"]
    assert low <= enough["rows"] <= high
    assert low < high
    assert (enough["rows_here"], enough["worth"]) == (800, 0.01)


def test_each_share_has_its_scores_and_the_gain_is_that_of_the_last_step() -> None:
    found = judged()

    assert [point["share"] for point in found["shares"]] == [0.25, 0.5, 1.0]
    for point, column in zip(
        found["shares"], ("best_model 0.25", "best_model 0.5", "best_model 1.0"), strict=True
    ):
        assert point["best_model"]["pr_auc"] == pytest.approx(
            average_precision_score(LABELS, SESSIONS[column])
        )
    assert found["gain"]["baseline"] == {"pr_auc": 0.0, "interval": [0.0, 0.0]}
    last, before = found["shares"][-1]["best_model"], found["shares"][-2]["best_model"]
    assert found["gain"]["best_model"]["pr_auc"] == pytest.approx(last["pr_auc"] - before["pr_auc"])
    assert found["gain"]["best_model"]["interval"][0] > 0


def test_the_table_has_a_row_for_each_model_and_share() -> None:
    table = shares_table(judged())

    assert list(table["share"]) == [0.25, 0.5, 1.0] * 2
    assert (table["low"] < table["pr_auc"]).all()
    assert (table["pr_auc"] < table["high"]).all()
