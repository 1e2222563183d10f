"""The threshold is the one that its strategy asks for, on the rows as they are and on resamples."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.errors import DataError
from ecom.evaluation import Floats, count_flagged
from ecom.params import Bootstrap, Costs, Threshold
from ecom.thresholds import break_even, choose_threshold, operating_point, sweep

BOOTSTRAP = Bootstrap(resamples=200, seed=0)


def threshold_params(strategy: str, **changes: Any) -> Threshold:
    return Threshold.model_validate(
        {
            "strategy": strategy, "costs": {"false_positive": 1.0, "false_negative": 5.0},
            "quota": 0.2, "target_precision": 0.7, "target_recall": 0.8, "fixed": 0.5,
        } | changes
    )  # fmt: skip


def calibrated(rows: int = 2000, seed: int = 0) -> tuple[Any, Floats]:
    """Return labels drawn with the probability that their score says."""
    random = np.random.default_rng(seed)
    scores = np.round(random.beta(0.5, 2, rows), 3)  # some tie, and some are 0
    return (random.random(rows) < scores).astype(int), scores


def by_hand(labels: Any, scores: Floats, threshold: float) -> dict[str, float]:
    flagged = scores >= threshold
    return {
        "cost": float(np.sum(flagged & (labels == 0)) + 5 * np.sum(~flagged & (labels == 1))),
        "flagged": float(flagged.mean()),
        "precision": float(labels[flagged].mean()) if flagged.any() else 0.0,
        "recall": float(flagged[labels == 1].mean()),
    }


@given(seed=st.integers(0, 50))
def test_minimum_cost_finds_the_least_of_every_threshold(seed: int) -> None:
    labels, scores = calibrated(300, seed)

    chosen = choose_threshold(count_flagged(labels, scores), threshold_params("minimum_cost"))[0]

    every = [by_hand(labels, scores, threshold)["cost"] for threshold in [*scores, 0, 2]]
    assert by_hand(labels, scores, chosen)["cost"] == min(every)


def test_minimum_cost_of_calibrated_scores_is_near_the_break_even() -> None:
    labels, scores = calibrated(50_000)

    chosen = choose_threshold(count_flagged(labels, scores), threshold_params("minimum_cost"))[0]

    assert chosen == pytest.approx(
        break_even(Costs(false_positive=1.0, false_negative=5.0)), abs=0.05
    )


@given(seed=st.integers(0, 50), quota=st.floats(0.01, 0.99))
def test_a_quota_is_used_up_and_never_exceeded(seed: int, quota: float) -> None:
    labels, scores = calibrated(300, seed)
    params = threshold_params("quota", quota=quota)

    chosen = choose_threshold(count_flagged(labels, scores), params)[0]

    assert by_hand(labels, scores, chosen)["flagged"] <= quota
    lower = scores[scores < chosen]
    assert not len(lower) or by_hand(labels, scores, lower.max())["flagged"] > quota


@given(seed=st.integers(0, 50))
def test_a_target_is_reached_with_the_most_of_the_other(seed: int) -> None:
    labels, scores = calibrated(300, seed)
    counts = count_flagged(labels, scores)
    points = [by_hand(labels, scores, threshold) for threshold in scores]

    precise = by_hand(
        labels, scores, choose_threshold(counts, threshold_params("target_precision"))[0]
    )
    complete = by_hand(
        labels, scores, choose_threshold(counts, threshold_params("target_recall"))[0]
    )

    assert precise["precision"] >= 0.7 or not precise["flagged"]
    assert precise["recall"] == max(
        (point["recall"] for point in points if point["precision"] >= 0.7), default=0
    )
    assert complete["recall"] >= 0.8
    assert complete["flagged"] == min(
        point["flagged"] for point in points if point["recall"] >= 0.8
    )


def test_a_target_precision_that_is_never_reached_is_a_clear_error() -> None:
    labels, scores = np.array([0, 1, 0, 1]), np.array([0.9, 0.8, 0.7, 0.1])

    with pytest.raises(DataError, match=r"target_precision 0\.7 is reached at no threshold: the h"):
        operating_point(labels, scores, threshold_params("target_precision"), BOOTSTRAP)


def test_a_fixed_threshold_is_taken_as_it_is() -> None:
    labels, scores = calibrated()

    found = operating_point(labels, scores, threshold_params("fixed", fixed=0.25), BOOTSTRAP)

    assert found["threshold"] == 0.25
    assert found["intervals"]["threshold"] == [0.25, 0.25]
    assert found["flagged_rate"] == by_hand(labels, scores, 0.25)["flagged"]


@pytest.mark.parametrize("strategy", ["minimum_cost", "quota", "target_precision", "target_recall"])
def test_intervals_hold_the_figures_and_each_resample_chooses_anew(strategy: str) -> None:
    labels, scores = calibrated()

    found = operating_point(labels, scores, threshold_params(strategy), BOOTSTRAP)

    for name, (low, high) in found["intervals"].items():
        assert low <= found[name] <= high
    assert found["intervals"]["threshold"][0] < found["intervals"]["threshold"][1]


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
