"""The threshold is the one that its strategy asks for, on the rows as they are and on resamples."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecom.errors import DataError
from ecom.evaluation.counts import count_flagged
from ecom.evaluation.thresholds import (
    choose_threshold,
    operating_point,
    require_reachable,
    shortest_between,
)
from ecom.params.bootstrap import Bootstrap
from ecom.params.threshold import Costs, Threshold
from scored import by_hand, calibrated

BOOTSTRAP = Bootstrap(resamples=200, seed=0)


def threshold_params(strategy: str, **changes: Any) -> Threshold:
    return Threshold.model_validate(
        {
            "strategy": strategy,
            "costs": {"false_positive": 1.0, "false_negative": 5.0},
            "quota": 0.2,
            "target_precision": 0.7,
            "target_recall": 0.8,
            "fixed": 0.5,
        }
        | changes
    )


@given(seed=st.integers(0, 50))
def test_minimum_cost_finds_the_least_of_every_threshold(seed: int) -> None:
    labels, scores = calibrated(300, seed)

    chosen = choose_threshold(count_flagged(labels, scores), threshold_params("minimum_cost"))[0]

    every = [by_hand(labels, scores, threshold)["cost"] for threshold in [*scores, 0, 2]]
    assert by_hand(labels, scores, chosen)["cost"] == min(every)


def test_the_break_even_follows_from_the_costs_alone() -> None:
    for seed in range(3):
        labels, scores = calibrated(seed=seed)
        chosen = choose_threshold(count_flagged(labels, scores), threshold_params("break_even"))
        assert chosen.tolist() == [0.166666667]  # 1 € against 5 €, in 9 digits


def test_minimum_cost_of_calibrated_scores_is_near_the_break_even() -> None:
    labels, scores = calibrated(50_000)

    chosen = choose_threshold(count_flagged(labels, scores), threshold_params("minimum_cost"))[0]

    assert chosen == pytest.approx(
        Costs(false_positive=1.0, false_negative=5.0).break_even, abs=0.05
    )


@given(seed=st.integers(0, 50), sessions=st.integers(1, 299))
def test_a_quota_is_used_up_and_never_exceeded(seed: int, sessions: int) -> None:
    labels, scores = calibrated(300, seed)
    quota = sessions / 300
    params = threshold_params("quota", quota=quota)

    chosen = choose_threshold(count_flagged(labels, scores), params)[0]

    assert by_hand(labels, scores, chosen)["flagged"] <= quota
    lower = scores[scores < chosen]
    assert not len(lower) or by_hand(labels, scores, lower.max())["flagged"] > quota


@pytest.mark.parametrize("quota", [0.29, 0.57, 0.58])
def test_a_quota_that_has_no_exact_binary_form_is_used_up(quota: float) -> None:
    scores = np.linspace(0.01, 0.99, 100)

    found = operating_point(scores > 0.5, scores, threshold_params("quota", quota=quota), BOOTSTRAP)

    assert found["flagged_rate"] == quota


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


def test_a_target_precision_that_is_never_reached_flags_none_and_is_refused_for_the_model() -> None:
    labels, scores = np.array([0, 1, 0, 1]), np.array([0.9, 0.8, 0.7, 0.1])
    params = threshold_params("target_precision")

    found = operating_point(labels, scores, params, BOOTSTRAP)

    assert found["threshold"] > 1
    assert found["flagged_rate"] == found["recall"] == 0
    with pytest.raises(
        DataError, match=r"is 0\.7, but no threshold of the best model reaches it: its h"
    ):
        require_reachable(labels, scores, params)
    require_reachable(labels, 1 - scores, params)


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


@example((0.125, 0.2))
@example((0.7, 0.75))
@given(st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda pair: pair[0] < pair[1]))
def test_the_shortest_decimal_lies_between_and_none_is_shorter(pair: tuple[float, float]) -> None:
    low, high = pair

    found = shortest_between(low, high)

    assert low < found <= high
    digits = len(f"{Decimal(repr(found)):f}".partition(".")[2])
    if found < high and digits > 1:
        step = Decimal(10) ** (1 - digits)
        next_above = (Decimal(repr(low)) // step + 1) * step  # the next one with a digit less
        assert float(next_above) >= high


def test_a_threshold_has_few_digits_and_flags_what_the_best_score_flags() -> None:
    labels, scores = calibrated(1_000)

    chosen = float(
        choose_threshold(count_flagged(labels, scores), threshold_params("minimum_cost"))[0]
    )

    assert len(repr(chosen)) < 8
    assert chosen not in scores
