"""Curves hold every session, run from corner to corner, and agree with the metrics."""

import numpy as np
import pytest

from ecom.evaluation.counts import count_flagged
from ecom.evaluation.curves import (
    class_pairs,
    precision_recall_points,
    reliability_points,
    roc_points,
    score_distribution,
    sweep,
)
from ecom.evaluation.ranking import ranking_metrics
from ecom.params.threshold import Costs
from scored import by_hand, calibrated, labels_and_scores


def test_the_classes_of_a_confusion_plot_are_those_from_the_threshold_on() -> None:
    assert class_pairs([0, 1, 1], [0.2, 0.5, 0.7], 0.5)["predicted"].tolist() == [
        "no purchase",
        "purchase",
        "purchase",
    ]


def test_curves_run_from_corner_to_corner_and_stay_monotone() -> None:
    labels, scores = labels_and_scores(300, 0, 2)

    roc, precision_recall = roc_points(labels, scores), precision_recall_points(labels, scores)

    assert roc.iloc[0].tolist() == [0, 0]
    assert roc.iloc[-1].tolist() == [1, 1]
    assert roc["true_positive_rate"].is_monotonic_increasing
    assert precision_recall["recall"].iloc[[0, -1]].tolist() == [0, 1]
    assert precision_recall["recall"].is_monotonic_increasing
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(ranking_metrics(labels, scores)["roc_auc"])


def test_reliability_holds_every_session_once_and_its_interval_holds_the_rate() -> None:
    labels, scores = labels_and_scores(500, 0, 3)

    points = reliability_points(labels, scores, 10)

    assert points["sessions"].sum() == 500
    assert (points["low"] <= points["purchase_rate"]).all()
    assert (points["purchase_rate"] <= points["high"]).all()
    assert np.average(points["purchase_rate"], weights=points["sessions"]) == pytest.approx(
        labels.mean()
    )


def test_score_distributions_are_shares_of_each_class() -> None:
    labels, scores = labels_and_scores(500, 0, 3)

    table = score_distribution(labels, scores, 20)

    assert table.groupby("actual")["share"].sum().tolist() == pytest.approx([1, 1])
    assert table["score"].between(0, 1).all()


def test_the_sweep_tells_at_each_threshold_what_flagging_from_there_gives() -> None:
    labels, scores = calibrated()

    table = sweep(count_flagged(labels, scores), Costs(false_positive=1.0, false_negative=5.0), 0.3)

    assert table["threshold"].tolist() == [step / 200 for step in range(201)]
    for row in table.to_dict("records"):
        expected = by_hand(labels, scores, row["threshold"])
        assert row["cost_per_1000_sessions"] == pytest.approx(expected["cost"] / 2)
        assert row["recall"] == pytest.approx(expected["recall"])
        assert row["precision"] == pytest.approx(expected["precision"])
    assert table["cost_per_1000_sessions"].iloc[0] == table["flag_all"].iloc[0]
    assert table["flag_none"].iloc[0] == pytest.approx(1000 * 5 * labels.mean())
