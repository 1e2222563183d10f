"""Metrics agree with scikit-learn's, for the rows as they are and for every resample."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from ecom.evaluation import (
    NONE,
    confusion_matrix,
    count_flagged,
    only,
    operating_metrics,
    score_metrics,
    trivial_costs,
)
from ecom.params import Costs
from scored import labels_and_scores

COSTS = Costs(false_positive=1.0, false_negative=5.0)


@given(rows=st.integers(2, 80), seed=st.integers(0, 99), decimals=st.integers(0, 4))
@settings(max_examples=60)
def test_every_resample_has_the_metrics_that_scikit_learn_gives_it(
    rows: int, seed: int, decimals: int
) -> None:
    labels, scores = labels_and_scores(rows, seed, decimals)
    random = np.random.default_rng(seed)
    weights = random.integers(0, 4, (5, rows)).astype(float)
    weights[:, :2] += 1  # both classes stay

    found = score_metrics(labels, scores, bins=10, weights=weights)
    at = operating_metrics(count_flagged(labels, scores, weights), 0.5, COSTS)

    flagged = scores >= 0.5
    for place, weight in enumerate(weights):
        given_weights = {"sample_weight": weight}
        expected = {
            "pr_auc": average_precision_score(labels, scores, **given_weights),
            "roc_auc": roc_auc_score(labels, scores, **given_weights),
            "brier": brier_score_loss(labels, scores, **given_weights),
        }
        if scores.min() > 0 and scores.max() < 1:  # elsewhere, the logarithm is cut off
            expected["log_loss"] = log_loss(labels, scores, **given_weights)
        for metric, value in expected.items():
            assert found[metric][place] == pytest.approx(value)
        assert at["precision"][place] == pytest.approx(
            precision_score(labels, flagged, zero_division=0, **given_weights)
        )
        assert at["recall"][place] == pytest.approx(recall_score(labels, flagged, **given_weights))
        assert at["flagged_rate"][place] == pytest.approx(weight[flagged].sum() / weight.sum())


def test_the_top_share_counts_its_purchases_and_ties_at_its_edge_in_part() -> None:
    labels = np.repeat([1, 0, 1, 0], [5, 5, 20, 70])
    scores = np.repeat([0.9, 0.8, 0.3, 0.3], [5, 5, 20, 70])

    found = only(score_metrics(labels, scores, bins=10))

    assert found["precision_top_5"] == pytest.approx(1)
    assert found["precision_top_10"] == pytest.approx(0.5)
    assert found["precision_top_20"] == pytest.approx((5 + 10 * 20 / 90) / 20)
    assert found["lift_top_10"] == pytest.approx(0.5 / 0.25)


def test_calibration_is_perfect_where_each_bin_holds_what_it_says() -> None:
    scores = np.repeat([0.25, 0.75], 400)
    labels = np.concatenate([np.repeat([1, 0], [100, 300]), np.repeat([1, 0], [300, 100])])

    assert only(score_metrics(labels, scores, bins=10))["expected_calibration_error"] < 1e-12
    off = only(score_metrics(labels, scores + 0.1, bins=10))
    assert off["expected_calibration_error"] == pytest.approx(0.1)


def test_a_threshold_above_every_score_flags_none_and_one_of_zero_flags_all() -> None:
    counts = count_flagged([0, 1, 1], [0.2, 0.5, 0.7])

    none, everyone = (only(operating_metrics(counts, at, COSTS)) for at in (0.99, 0.0))

    assert none == {
        "precision": 0, "recall": 0, "flagged_rate": 0,
        "cost_per_1000_sessions": only(trivial_costs(counts, COSTS))["flag_none"],
    }  # fmt: skip
    assert everyone["flagged_rate"] == everyone["recall"] == 1
    assert everyone["cost_per_1000_sessions"] == only(trivial_costs(counts, COSTS))["flag_all"]


def test_a_threshold_is_inclusive_in_every_measure() -> None:
    labels, scores = [0, 1, 1], [0.2, 0.5, 0.7]

    assert only(operating_metrics(count_flagged(labels, scores), 0.5, COSTS))["recall"] == 1
    assert confusion_matrix(labels, scores, 0.5)["true_positives"] == 2


@given(seed=st.integers(0, 1000))
def test_each_resample_may_have_a_threshold_of_its_own(seed: int) -> None:
    labels, scores = labels_and_scores(rows=30, seed=seed, decimals=1)
    random = np.random.default_rng(seed)
    counts = count_flagged(labels, scores, random.integers(0, 3, (5, 30)).astype(float))
    thresholds = random.choice([0.0, 0.05, 0.1, 0.5, 0.55, 1.0, NONE], 5)

    together = counts.at(thresholds)

    for row, threshold in enumerate(thresholds):
        alone = counts.at(float(threshold))
        assert np.array_equal(together.flagged[row], alone.flagged[row])
        assert np.array_equal(together.caught[row], alone.caught[row])
        expected = counts.flagged[row, np.flatnonzero(counts.thresholds >= threshold)[-1]]
        assert alone.flagged[row, 0] == expected
