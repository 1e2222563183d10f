"""Metrics and curves agree with each other and at the threshold."""

import numpy as np
import pytest

from ecom.evaluation import binary_metrics, class_pairs, precision_recall_points, roc_points
from ecom.thresholds import expected_cost


def test_curves_run_from_corner_to_corner_and_stay_monotone() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    scores = np.round(0.3 * labels + rng.random(300), 2)

    roc, precision_recall = roc_points(labels, scores), precision_recall_points(labels, scores)

    assert roc.iloc[0].tolist() == [0, 0]
    assert roc.iloc[-1].tolist() == [1, 1]
    assert roc["true_positive_rate"].is_monotonic_increasing
    assert precision_recall["recall"].iloc[[0, -1]].tolist() == [0, 1]
    assert precision_recall["recall"].is_monotonic_increasing
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(binary_metrics(labels, scores, 0.5)["roc_auc"])


def test_a_threshold_is_inclusive_in_every_measure() -> None:
    labels, scores = [0, 1, 1], [0.2, 0.5, 0.7]

    assert binary_metrics(labels, scores, 0.5)["recall"] == 1
    assert class_pairs(labels, scores, 0.5)["predicted"].tolist() == [
        "no purchase", "purchase", "purchase",
    ]  # fmt: skip
    assert expected_cost(labels, scores, 0.5, false_positive=1, false_negative=5) == 0


def test_flagging_nobody_has_precision_zero_not_an_error() -> None:
    metrics = binary_metrics([0, 1], [0.1, 0.2], 0.9)

    assert (metrics["precision"], metrics["recall"]) == (0, 0)
