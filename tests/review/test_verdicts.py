"""Verdicts on planted differences, and their false alarms."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from ecom.evaluation.counts import Floats, count_flagged
from ecom.params.bootstrap import Bootstrap
from ecom.params.review import Decisive
from ecom.params.threshold import Costs
from ecom.project.params_file import read_params
from ecom.review.verdicts import (
    Finding,
    Rules,
    Side,
    Verdict,
    confirm,
    judge,
    judge_slices,
    overall,
    pair,
)
from project import ROOT
from scored import calibrated

RULES = Rules.from_params(read_params(ROOT))
COSTS = Costs(false_positive=1.0, false_negative=5.0)
DECISIVE = ("pr_auc", "log_loss", "cost_at_break_even")


def blurred(scores: Floats, by: float, seed: int = 1) -> Floats:
    """Return scores with noise on their log-odds: the larger, the worse a model."""
    clipped = np.clip(scores, 1e-3, 1 - 1e-3)
    noise = np.random.default_rng(seed).normal(0, by, len(scores))
    log_odds = np.log(clipped / (1 - clipped)) + noise
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def side(scores: Floats, *, noise: float = 0.02, seed: int = 0, threshold: float = 0.2) -> Side:
    """Return a side of four repeats, each with some noise of its own."""
    repeats = [
        blurred(scores, noise, 100 * seed + repeat) if noise else scores for repeat in range(4)
    ]
    return Side(np.stack(repeats), threshold)


def findings(labels: object, base: Side, head: Side) -> dict[str, Finding]:
    judged = judge(np.asarray(labels), base, head, RULES, costs=COSTS, bins=10)
    return {finding.metric: finding for finding in judged}


def test_a_model_against_itself_is_no_worse_in_anything() -> None:
    labels, scores = calibrated()

    found = findings(labels, side(scores), side(scores))

    assert [name for name, each in found.items() if each.verdict] == list(DECISIVE)
    for each in found.values():
        assert each.verdict in ("no worse", None)
        assert each.difference == 0
        assert each.interval == (0, 0)
        assert each.probability_better == 0.5


def test_a_blurred_model_is_worse_and_the_other_way_round_better() -> None:
    labels, scores = calibrated()
    sharp, blunt = side(scores), side(blurred(scores, 2.0), seed=1)

    worse, better = findings(labels, sharp, blunt), findings(labels, blunt, sharp)

    for metric in DECISIVE:
        assert worse[metric].verdict == "worse"
        assert worse[metric].probability_better < 0.01
        assert better[metric].verdict == "better"
        assert better[metric].difference == pytest.approx(-worse[metric].difference)


def test_scores_that_rank_alike_but_are_overconfident_are_worse() -> None:
    labels, scores = calibrated()
    odds = (scores / (1 - scores)) ** 2

    found = findings(labels, side(scores, noise=0), side(odds / (1 + odds), noise=0))

    assert found["pr_auc"].verdict == "no worse"
    assert found["log_loss"].verdict == "worse"


def test_a_difference_that_is_sure_but_does_not_matter_is_no_worse() -> None:
    labels, scores = calibrated()
    head = np.where(labels == 1, scores + 1e-9, scores - 1e-9)  # orders ties alone

    found = findings(labels, side(scores, noise=0), side(head, noise=0))["pr_auc"]

    assert found.interval[0] > 0
    assert found.p_value is not None
    assert found.p_value < 0.05
    assert found.verdict == "no worse"


def test_of_few_sessions_nothing_can_be_told() -> None:
    labels, scores = calibrated(rows=200)

    found = findings(labels, side(scores), side(blurred(scores, 0.15)))["pr_auc"]

    assert found.interval[0] < 0 < found.interval[1]
    assert found.verdict == "cannot tell"


def test_fits_that_vary_widen_the_interval() -> None:
    labels, scores = calibrated()
    steady, shaky = (
        findings(labels, side(scores), side(scores, noise=noise, seed=1))["pr_auc"]
        for noise in (0.02, 0.5)
    )

    assert np.ptp(shaky.interval) > 2 * np.ptp(steady.interval)


def test_without_costs_or_bins_the_metrics_of_them_are_left_out() -> None:
    labels, scores = calibrated(rows=200)

    judged = judge(labels, side(scores), side(scores), RULES, costs=None, bins=None)

    assert [finding.metric for finding in judged] == [
        "pr_auc",
        "log_loss",
        "roc_auc",
        "brier",
        "precision",
        "recall",
    ]


def test_a_further_metric_decides_if_asked() -> None:
    labels, scores = calibrated()
    far = replace(side(scores), threshold=0.9)
    also = {"cost_per_1000_sessions": Decisive(smallest_difference=5.0, margin=10.0)}

    for asked, expected in ((None, None), (also, "worse")):
        judged = judge(labels, side(scores), far, RULES, costs=COSTS, bins=10, also=asked)
        found = {finding.metric: finding.verdict for finding in judged}
        assert found["cost_per_1000_sessions"] == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["no worse", "no worse"], "no worse"),
        (["better", "no worse"], "better"),
        (["better", "cannot tell"], "cannot tell"),
        (["better", "cannot tell", "worse"], "worse"),
        ([], "cannot tell"),
    ],
)
def test_no_gain_makes_up_for_a_loss(verdicts: list[Verdict], expected: str) -> None:
    assert overall(verdicts) == expected


def test_test_rows_confirm_with_an_interval_and_without_a_verdict() -> None:
    labels, scores = calibrated()
    base, head = (Side(each[None], 0.2) for each in (scores, blurred(scores, 2.0)))

    found = {each.metric: each for each in confirm(labels, base, head, RULES, costs=COSTS, bins=10)}

    assert set(found) == set(RULES.review.metrics)
    assert found["pr_auc"].difference == pytest.approx(found["pr_auc"].head - found["pr_auc"].base)
    bounds = found["pr_auc"].interval
    assert bounds
    assert bounds[0] < found["pr_auc"].difference < bounds[1] < 0
    assert found["expected_calibration_error"].interval is None  # resampling adds to it


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
def test_the_interval_of_roc_auc_is_that_of_de_long_where_fits_do_not_vary(seed: int) -> None:
    labels, scores = calibrated(seed=seed)
    head = blurred(scores, 0.5, seed)

    found = findings(labels, side(scores, noise=0), side(head, noise=0))["roc_auc"]
    difference, error = de_long(labels, scores, head)

    assert found.difference == pytest.approx(difference)
    half_width = (found.interval[1] - found.interval[0]) / 2
    assert half_width == pytest.approx(norm.ppf(0.975) * error, rel=0.15)
    assert found.probability_better == pytest.approx(norm.cdf(difference / error), abs=0.05)


def roc_auc(
    labels: NDArray[np.int64], scores: Floats, _: float, weights: Floats
) -> dict[str, Floats]:
    return {"roc_auc": count_flagged(labels, scores, weights).roc_auc}


def test_false_alarms_are_as_rare_as_the_level_says() -> None:
    bootstrap = Bootstrap(resamples=200, seed=0)
    alarms = 0
    for seed in range(200):
        labels, scores = calibrated(rows=400, seed=seed)
        # Two models that are equally good: either blurs the truth by another draw.
        base, head = (
            side(blurred(scores, 1.0, 1000 * seed + way), seed=seed, noise=0.2) for way in (1, 2)
        )
        found = pair(labels, base, head, partial(roc_auc, labels), bootstrap)
        alarms += found["roc_auc"].p_value < 0.05

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

    found = judge_slices(sessions, labels, side(scores), side(head), RULES)

    verdicts = {finding.slice: finding.verdict for finding in found}
    assert verdicts["Month: May"] == "worse"
    assert {verdicts[f"Month: {month}"] for month in ("Mar", "Nov", "Dec")} == {None}


@pytest.mark.slow
def test_of_many_slices_of_equal_models_hardly_any_is_called_different() -> None:
    sessions, labels, scores = sliced(1000)
    rules = Rules(RULES.review, Bootstrap(resamples=100, seed=0), RULES.small_slice)
    called = 0
    for seed in range(40):
        base, head = (
            side(blurred(scores, 0.5, 2 * seed + way), seed=2 * seed + way) for way in (0, 1)
        )
        found = judge_slices(sessions, labels, base, head, rules)
        called += any(finding.verdict is not None for finding in found)

    assert called <= 6  # 5 % of 40 are 2; more than 6 come by chance once in 200


def test_a_small_slice_is_left_out() -> None:
    sessions, labels, scores = sliced()
    sessions.loc[sessions.index[:30], "Month"] = "Feb"

    found = judge_slices(sessions, labels, side(scores), side(scores), RULES)

    assert "Month: Feb" not in {finding.slice for finding in found}


def test_two_models_as_they_are_are_judged_by_the_noise_of_sessions() -> None:
    """Both are equally blurred: neither is better, whatever the sessions."""
    called = 0
    for seed in range(40):
        labels, scores = calibrated(1500, seed=seed)
        base, head = (
            Side(blurred(scores, 0.6, seed=2 * seed + number)[None], 0.5) for number in (0, 1)
        )
        findings = judge(labels, base, head, RULES, costs=COSTS, bins=10)
        called += any(finding.verdict in ("better", "worse") for finding in findings)

    assert called <= 6  # 5 % of 40 are 2; more than 6 come by chance once in 200
