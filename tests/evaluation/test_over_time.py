"""Month after month: each is judged by itself, all count the same, and a shift is told apart."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from ecom.evaluation.over_time import adjust_to_prior, judge_over_time, months_table
from ecom.params.bootstrap import Bootstrap
from ecom.params.threshold import Costs
from ecom.schema import GROUPS, TARGET

RANDOM = np.random.default_rng(0)
COSTS = Costs(false_positive=1.0, false_negative=5.0)
SIZES = {"Mar": 600, "May": 900, "June": 30, "Nov": 400}
RATES = {"Mar": 0.1, "May": 0.1, "June": 0.1, "Nov": 0.4}


def sessions() -> pd.DataFrame:
    """Return sessions whose purchases become frequent in November, which no model was told."""
    months = np.repeat(list(SIZES), list(SIZES.values()))
    labels = (RANDOM.random(len(months)) < pd.Series(months).map(RATES)).astype(int)
    evidence = RANDOM.normal(size=len(months)) + 2 * labels - 1  # log-odds: 2 of it
    scores = 1 / (1 + np.exp(-(2 * evidence + np.log(0.1 / 0.9))))
    table = pd.DataFrame({"Month": months, TARGET: labels, "random_split": scores})
    for name in ("baseline", "best_model", "at_arrival", *GROUPS):
        table[name] = np.where(table["Month"] == "Mar", np.nan, scores)
    table["period"], table["place"] = months, pd.factorize(months)[0]
    table["baseline"] = np.where(table["Month"] == "Mar", np.nan, RANDOM.random(len(months)))
    return table


SESSIONS = sessions()


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return judge_over_time(SESSIONS, "end_of_session", COSTS, Bootstrap(resamples=100, seed=0))


def test_each_month_is_judged_on_its_own_sessions(found: dict[str, Any]) -> None:
    may, november = found["months"]
    own = SESSIONS[SESSIONS["Month"] == "Nov"]

    assert (may["month"], november["month"]) == ("May", "Nov")
    assert november["best_model"]["pr_auc"] == pytest.approx(
        average_precision_score(own[TARGET], own["best_model"])
    )
    assert november["sessions"] == 400
    assert november["trained_on"] == 600 + 900 + 30
    assert november["rate"] == pytest.approx(own[TARGET].mean())


def test_a_month_with_few_purchases_is_left_out_and_named(found: dict[str, Any]) -> None:
    assert found["left_out"] == ["June"]


def test_the_mean_counts_each_month_the_same(found: dict[str, Any]) -> None:
    by_month = [month["best_model"]["pr_auc"] for month in found["months"]]

    assert found["pr_auc"]["best_model"]["pr_auc"] == pytest.approx(np.mean(by_month))
    assert found["pr_auc"]["best_model_minus_baseline"]["pr_auc"] > 0.3
    assert found["pr_auc"]["random_split_minus_best_model"]["pr_auc"] == 0
    low, high = found["pr_auc"]["intervals"]["best_model"]["pr_auc"]
    assert low < found["pr_auc"]["best_model"]["pr_auc"] < high


def test_what_a_shift_of_the_prior_costs_is_told_apart(found: dict[str, Any]) -> None:
    cost = found["cost"]

    assert cost["best_model_minus_true_prior"]["cost_at_break_even"] > 20
    assert cost["intervals"]["best_model_minus_true_prior"]["cost_at_break_even"][0] > 0
    judged = SESSIONS[SESSIONS["Month"].isin(["May", "Nov"])]
    assert cost["flag_none"]["cost_at_break_even"] == pytest.approx(5000 * judged[TARGET].mean())


def test_feature_sets_are_judged_too_and_saved_against_flagging_none(found: dict[str, Any]) -> None:
    assert found["pr_auc"]["end_of_session"] == found["pr_auc"]["best_model"]
    cost = {name: found["cost"][name]["cost_at_break_even"] for name in ("at_arrival", "flag_none")}
    assert found["cost"]["saved_by_at_arrival"]["cost_at_break_even"] == pytest.approx(
        cost["flag_none"] - cost["at_arrival"]
    )


def test_an_adjusted_score_is_that_of_a_model_fitted_to_the_true_share() -> None:
    evidence = np.array([-1.0, 0.0, 2.0])
    rare, frequent = (
        1 / (1 + np.exp(-(evidence + np.log(rate / (1 - rate))))) for rate in (0.1, 0.4)
    )

    np.testing.assert_allclose(adjust_to_prior(rare, 0.1, 0.4), frequent)
    np.testing.assert_allclose(adjust_to_prior(rare, 0.1, 0.1), rare)


def test_without_a_month_to_judge_nothing_is_found() -> None:
    unscored = SESSIONS.assign(best_model=np.nan)

    nothing = judge_over_time(unscored, "end_of_session", COSTS, Bootstrap(resamples=100, seed=0))

    assert nothing == {}
    assert months_table(nothing).empty


def test_the_table_has_a_row_for_each_model_and_month(found: dict[str, Any]) -> None:
    table = months_table(found)

    assert list(zip(table["model"], table["month"], strict=True)) == [
        ("baseline", "May"),
        ("baseline", "Nov"),
        ("best_model", "May"),
        ("best_model", "Nov"),
    ]
    assert (table["low"] <= table["pr_auc"]).all()
    assert (table["pr_auc"] <= table["high"]).all()
