"""Metrics agree with scikit-learn's, for the rows as they are and for every resample."""

from typing import Any

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

from ecom.evaluation.curves import confusion_counts
from ecom.evaluation.metrics import (
    BREAK_EVEN_COST,
    COST,
    METRICS,
    Metric,
    Sample,
    find_faults,
    measure,
    perfect_calibration_error,
    without_resamples,
)
from ecom.evaluation.thresholds import trivial_costs
from ecom.params.review import Decisive, Review
from ecom.params.threshold import Costs
from scored import labels_and_scores

COSTS = Costs(false_positive=1.0, false_negative=5.0)


def measured(labels: Any, scores: Any, **known: Any) -> dict[str, float]:
    """Return the metrics of the rows as they are."""
    known = {"bins": 10, "threshold": 0.5, "costs": COSTS, **known}
    return without_resamples(measure(Sample.of_scores(labels, scores, **known)))


@given(rows=st.integers(2, 80), seed=st.integers(0, 99), decimals=st.integers(0, 4))
@settings(max_examples=60)
def test_every_resample_has_the_metrics_that_scikit_learn_gives_it(
    rows: int, seed: int, decimals: int
) -> None:
    labels, scores = labels_and_scores(rows, seed, decimals)
    random = np.random.default_rng(seed)
    weights = random.integers(0, 4, (5, rows)).astype(float)
    weights[:, :2] += 1  # both classes stay

    found = measure(Sample.of_scores(labels, scores, weights, bins=10, threshold=0.5, costs=COSTS))

    assert list(found) == list(METRICS)
    flagged = scores >= 0.5
    for place, weight in enumerate(weights):
        given_weights = {"sample_weight": weight}
        expected = {
            "pr_auc": average_precision_score(labels, scores, **given_weights),
            "roc_auc": roc_auc_score(labels, scores, **given_weights),
            "brier": brier_score_loss(labels, scores, **given_weights),
            "precision": precision_score(labels, flagged, zero_division=0, **given_weights),
            "recall": recall_score(labels, flagged, **given_weights),
            "flagged_rate": weight[flagged].sum() / weight.sum(),
        }
        if scores.min() > 0 and scores.max() < 1:  # elsewhere, the logarithm is cut off
            expected["log_loss"] = log_loss(labels, scores, **given_weights)
        for metric, value in expected.items():
            assert found[metric][place] == pytest.approx(value)


def test_the_top_share_counts_its_purchases_and_ties_at_its_edge_in_part() -> None:
    labels = np.repeat([1, 0, 1, 0], [5, 5, 20, 70])
    scores = np.repeat([0.9, 0.8, 0.3, 0.3], [5, 5, 20, 70])

    found = measured(labels, scores)

    assert found["precision_top_5"] == pytest.approx(1)
    assert found["precision_top_10"] == pytest.approx(0.5)
    assert found["precision_top_20"] == pytest.approx((5 + 10 * 20 / 90) / 20)
    assert found["lift_top_10"] == pytest.approx(0.5 / 0.25)


def test_calibration_is_perfect_where_each_bin_holds_what_it_says() -> None:
    scores = np.repeat([0.25, 0.75], 400)
    labels = np.concatenate([np.repeat([1, 0], [100, 300]), np.repeat([1, 0], [300, 100])])

    assert measured(labels, scores)["expected_calibration_error"] < 1e-12
    assert measured(labels, scores + 0.1)["expected_calibration_error"] == pytest.approx(0.1)


def test_a_threshold_above_every_score_flags_none_and_one_of_zero_flags_all() -> None:
    labels, scores = [0, 1, 1], [0.2, 0.5, 0.7]
    none, everyone = (measured(labels, scores, threshold=at) for at in (0.99, 0.0))
    trivial = without_resamples(trivial_costs(Sample.of_scores(labels, scores).counts, COSTS))

    assert none["precision"] == none["recall"] == none["flagged_rate"] == 0
    assert none[COST] == trivial["flag_none"]
    assert everyone["flagged_rate"] == everyone["recall"] == 1
    assert everyone[COST] == trivial["flag_all"]


def test_a_threshold_is_inclusive_in_every_measure() -> None:
    labels, scores = [0, 1, 1], [0.2, 0.5, 0.7]

    assert measured(labels, scores)["recall"] == 1
    assert confusion_counts(labels, scores, 0.5)["true_positives"] == 2


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        ({"bins": None}, {"expected_calibration_error"}),
        ({"costs": None}, {COST, BREAK_EVEN_COST}),
        ({"threshold": None}, {"precision", "recall", "flagged_rate", COST}),
    ],
)
def test_metrics_that_lack_what_they_need_are_not_measured(
    known: dict[str, None], missing: set[str]
) -> None:
    assert set(METRICS) - set(measured([0, 1], [0.2, 0.7], **known)) == missing


def test_a_metric_is_added_by_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def mean_score(sample: Sample) -> Any:
        return sample.mean(sample.scores)

    monkeypatch.setitem(METRICS, "mean_score", Metric("mean score", mean_score))

    assert measured([0, 1], [0.2, 0.7])["mean_score"] == pytest.approx(0.45)


@pytest.mark.parametrize("rows", [300, 3000])
def test_perfect_scores_have_the_calibration_error_that_is_foretold(rows: int) -> None:
    random = np.random.default_rng(0)
    scores = random.beta(1, 5, rows)
    errors = [
        measured(random.random(rows) < scores, scores, bins=10)["expected_calibration_error"]
        for _ in range(400)
    ]

    assert perfect_calibration_error(scores, 10) == pytest.approx(np.mean(errors), rel=0.05)


@pytest.mark.parametrize(
    ("metric", "difference", "said"),
    [
        ("pr_au", 0.1, "review.decisive.pr_au: unknown key; known are pr_auc, roc_auc,"),
        ("pr_au", 0.1, "did you mean pr_auc?"),
        ("pr_auc", 5.0, "review.decisive.pr_auc.margin: 5 is not allowed; input should be at"),
    ],
)
def test_metrics_of_params_that_do_not_exist_are_named(
    metric: str, difference: float, said: str
) -> None:
    sizes = Decisive(smallest_difference=0.01, margin=difference)
    review = Review(decisive={metric: sizes}, shown=[])

    (fault,) = find_faults(review)

    assert said in fault


def test_an_unknown_metric_that_is_only_shown_is_named_too() -> None:
    sizes = Decisive(smallest_difference=0.01, margin=0.02)

    (fault,) = find_faults(Review(decisive={"pr_auc": sizes}, shown=["f1"]))

    assert fault.startswith("review.shown.f1: unknown key; known are pr_auc, roc_auc,")
