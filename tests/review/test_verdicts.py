"""Verdicts on planted differences, and their false alarms."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

from ecom.evaluation.counts import Floats, count_flagged
from ecom.evaluation.thresholds import choose_threshold
from ecom.params.bootstrap import Bootstrap
from ecom.params.threshold import Costs, Threshold
from ecom.project.params_file import read_params
from ecom.review.verdicts import Choice, Finding, Rules, Side, holm, judge, judge_slices, overall
from project import ROOT
from scored import calibrated

PARAMS = read_params(ROOT)
RULES = Rules.from_params(PARAMS)
THRESHOLD = PARAMS.threshold
COSTS = Costs(false_positive=1.0, false_negative=5.0)


def blurred(scores: Floats, by: float, seed: int = 1) -> Floats:
    """Return scores with noise on their log-odds: the larger, the worse a model."""
    clipped = np.clip(scores, 1e-3, 1 - 1e-3)
    noise = np.random.default_rng(seed).normal(0, by, len(scores))
    log_odds = np.log(clipped / (1 - clipped)) + noise
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def findings(labels: object, base: Side, head: Side) -> dict[str, Finding]:
    judged = judge(np.asarray(labels), base, head, RULES, costs=COSTS, bins=10)
    return {finding.metric: finding for finding in judged}


def test_a_model_against_itself_is_no_different_in_anything() -> None:
    labels, scores = calibrated()

    for found in findings(labels, Side(scores, 0.2), Side(scores, 0.2)).values():
        assert found.verdict == "no different"
        assert found.difference == 0
        assert found.interval == (0, 0)
        assert found.probability_better == 0.5


def test_a_blurred_model_is_worse_and_the_other_way_round_better() -> None:
    labels, scores = calibrated()
    sharp, blunt = Side(scores, 0.2), Side(blurred(scores, 2.0), 0.2)

    worse, better = findings(labels, sharp, blunt), findings(labels, blunt, sharp)

    for metric in ("pr_auc", "roc_auc", "brier", "cost_per_1000_sessions"):
        assert worse[metric].verdict == "worse"
        assert worse[metric].probability_better < 0.01
        assert better[metric].verdict == "better"
        assert better[metric].difference == pytest.approx(-worse[metric].difference)


def test_a_difference_that_is_sure_but_does_not_matter_is_no_different() -> None:
    labels, scores = calibrated()
    head = Side(np.where(labels == 1, scores + 1e-9, scores - 1e-9), 0.2)  # orders ties alone

    found = findings(labels, Side(scores, 0.2), head)["pr_auc"]

    assert found.interval[0] > 0
    assert 0 < found.difference < found.smallest_difference
    assert found.verdict == "no different"


def test_a_difference_that_would_matter_but_is_not_sure_is_no_different() -> None:
    labels, scores = calibrated(rows=200)

    found = findings(labels, Side(scores, 0.2), Side(blurred(scores, 0.3), 0.2))["pr_auc"]

    assert abs(found.difference) > found.smallest_difference
    assert found.interval[0] < 0 < found.interval[1]
    assert found.verdict == "no different"


def test_without_costs_or_bins_the_metrics_of_them_are_left_out() -> None:
    labels, scores = calibrated(rows=200)
    side = Side(scores, 0.2)

    judged = judge(labels, side, side, RULES, costs=None, bins=None)

    assert [finding.metric for finding in judged] == [
        "pr_auc",
        "roc_auc",
        "brier",
        "precision",
        "recall",
    ]


def chosen(
    scores: Floats, labels: NDArray[np.int64], out_of_fold: Floats, params: Threshold
) -> Side:
    """Return a side whose threshold its strategy chose on out-of-fold scores."""
    choice = Choice(pd.DataFrame({"Revenue": labels, "score": out_of_fold}), params)
    threshold = choose_threshold(count_flagged(labels, out_of_fold), params)
    return Side(scores, float(threshold[0]), choice)


def test_a_threshold_that_another_seed_would_move_as_far_is_no_difference() -> None:
    labels, scores = calibrated()
    training, out_of_fold = calibrated(rows=4000, seed=9)
    sides = [
        chosen(scores, training, blurred(out_of_fold, 0.1, seed), THRESHOLD) for seed in range(20)
    ]
    low, high = (end(sides, key=lambda side: side.threshold) for end in (min, max))
    as_given = findings(labels, replace(low, choice=None), replace(high, choice=None))
    as_chosen = findings(labels, low, high)

    assert as_given["recall"].verdict == "worse"
    assert as_given["precision"].verdict == "better"
    for metric in ("recall", "precision", "cost_per_1000_sessions"):
        assert as_chosen[metric].verdict == "no different"
        assert as_chosen[metric].difference == as_given[metric].difference


def test_another_strategy_is_a_difference_though_thresholds_are_chosen_anew() -> None:
    labels, scores = calibrated()
    training, out_of_fold = calibrated(rows=4000, seed=9)
    few = THRESHOLD.model_copy(update={"strategy": "quota", "quota": 0.05})

    found = findings(
        labels,
        chosen(scores, training, out_of_fold, THRESHOLD),
        chosen(scores, training, out_of_fold, few),
    )

    assert found["cost_per_1000_sessions"].verdict == "worse"
    assert found["precision"].verdict == "better"
    assert found["pr_auc"].verdict == "no different"


def test_a_threshold_that_its_strategy_does_not_give_counts_as_given() -> None:
    labels, scores = calibrated()
    training, out_of_fold = calibrated(rows=4000, seed=9)
    base = chosen(scores, training, out_of_fold, THRESHOLD)

    found = findings(labels, base, replace(base, threshold=0.85))  # as by a faulty choice

    assert found["recall"].verdict == "worse"
    assert found["cost_per_1000_sessions"].verdict == "worse"


def test_training_rows_that_only_one_side_has_do_not_hinder() -> None:
    labels, scores = calibrated()
    training, out_of_fold = calibrated(rows=4000, seed=9)
    whole = chosen(scores, training, out_of_fold, THRESHOLD)
    assert whole.choice is not None
    fewer = chosen(scores, training[200:], out_of_fold[200:], THRESHOLD)
    rest = replace(whole.choice, out_of_fold=whole.choice.out_of_fold.iloc[200:])

    found = findings(labels, whole, replace(fewer, choice=rest))

    assert {finding.verdict for finding in found.values()} == {"no different"}
    assert found["pr_auc"].interval == (0, 0)
    assert found["recall"].interval[0] < 0 < found["recall"].interval[1]


def test_where_no_decisive_metric_is_judged_there_is_no_verdict() -> None:
    assert overall({"pr_auc": "better"}, ["cost_per_1000_sessions"]) is None


def de_long(labels: NDArray[np.int64], base: Floats, head: Floats) -> tuple[float, float]:
    """Return the difference of two ROC-AUCs and its standard error (DeLong et al. 1988).

    By the placement of each purchase among the others, and of each other among the purchases.
    """
    placements = []
    for scores in (base, head):
        ahead = scores[labels == 1][:, None] - scores[labels == 0][None, :]
        in_order = (ahead > 0) + (ahead == 0) / 2
        placements.append((in_order.mean(axis=1), in_order.mean(axis=0)))
    of_purchases, of_others = (placements[1][part] - placements[0][part] for part in (0, 1))
    variance = of_purchases.var(ddof=1) / len(of_purchases) + of_others.var(ddof=1) / len(of_others)
    return float(of_purchases.mean()), float(np.sqrt(variance))


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_of_roc_auc_is_that_of_de_long(seed: int) -> None:
    labels, scores = calibrated(seed=seed)
    head = blurred(scores, 0.5, seed)

    found = findings(labels, Side(scores, 0.2), Side(head, 0.2))["roc_auc"]
    difference, error = de_long(labels, scores, head)

    assert found.difference == pytest.approx(difference)
    half_width = (found.interval[1] - found.interval[0]) / 2
    assert half_width == pytest.approx(norm.ppf(0.975) * error, rel=0.15)
    assert np.mean(found.interval) == pytest.approx(difference, abs=error / 3)
    assert found.probability_better == pytest.approx(norm.cdf(difference / error), abs=0.05)


def test_false_alarms_of_the_interval_alone_are_as_rare_as_it_says() -> None:
    rules = Rules(
        RULES.review.model_copy(
            update={"smallest_difference": RULES.review.smallest_difference | {"roc_auc": 0.0}}
        ),
        Bootstrap(resamples=200, seed=0),
        RULES.small_slice,
    )
    alarms = 0
    for seed in range(200):
        labels, scores = calibrated(rows=400, seed=seed)
        # Two models that are equally good: either blurs the truth by another draw.
        base, head = (Side(blurred(scores, 1.0, 1000 * seed + way), 0.2) for way in (1, 2))
        judged = judge(labels, base, head, rules, costs=None, bins=None)
        alarms += next(f for f in judged if f.metric == "roc_auc").verdict != "no different"

    assert alarms / 200 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)


def sliced(rows: int = 2000) -> tuple[pd.DataFrame, "pd.Series[int]", Floats]:
    """Return sessions whose columns have nothing to do with their scores."""
    labels, scores = calibrated(rows)
    random = np.random.default_rng(5)
    sessions = pd.DataFrame(
        {
            "VisitorType": random.choice(["New_Visitor", "Returning_Visitor"], rows),
            "Month": random.choice(["Mar", "May", "Nov", "Dec"], rows),
            "Weekend": random.integers(0, 2, rows),
            "TrafficType": random.integers(1, 5, rows),
            "Region": random.integers(1, 4, rows),
            "PageValues": random.choice([0.0, 5.0], rows),
            "Administrative": 1,
            "Informational": 1,
            "ProductRelated": random.integers(1, 50, rows),
            "Administrative_Duration": 1.0,
            "Informational_Duration": 1.0,
            "ProductRelated_Duration": 1.0,
        }
    )
    return sessions, pd.Series(labels), scores


def test_a_slice_that_got_worse_is_found_and_no_other() -> None:
    sessions, labels, scores = sliced()
    in_may = (sessions["Month"] == "May").to_numpy()
    head = np.where(in_may, blurred(scores, 3.0), scores)

    found = judge_slices(sessions, labels, Side(scores, 0.2), Side(head, 0.2), RULES)

    verdicts = {finding.slice: finding.verdict for finding in found}
    assert verdicts["Month: May"] == "worse"
    assert {verdicts[f"Month: {month}"] for month in ("Mar", "Nov", "Dec")} == {"no different"}


@pytest.mark.slow
def test_of_many_slices_of_equal_models_hardly_any_is_called_different() -> None:
    sessions, labels, scores = sliced(1000)
    rules = Rules(RULES.review, Bootstrap(resamples=100, seed=0), RULES.small_slice)
    called = 0
    for seed in range(40):
        base, head = (Side(blurred(scores, 0.5, 2 * seed + way), 0.2) for way in (0, 1))
        found = judge_slices(sessions, labels, base, head, rules)
        called += any(finding.verdict != "no different" for finding in found)

    assert called <= 6  # 5 % of 40 are 2; more than 6 come by chance once in 200


def test_a_small_slice_is_left_out() -> None:
    sessions, labels, scores = sliced()
    sessions.loc[sessions.index[:30], "Month"] = "Feb"

    found = judge_slices(sessions, labels, Side(scores, 0.2), Side(scores, 0.2), RULES)

    assert "Month: Feb" not in {finding.slice for finding in found}


@given(st.lists(st.floats(0, 1), max_size=20))
@settings(deadline=None)
def test_holm_keeps_the_order_and_never_lowers_a_p_value(p_values: list[float]) -> None:
    adjusted = holm(p_values)

    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    ordered = sorted(zip(p_values, adjusted, strict=True))
    assert [after for _, after in ordered] == sorted(adjusted)
    if p_values:
        assert min(adjusted) == pytest.approx(min(1.0, len(p_values) * min(p_values)))
