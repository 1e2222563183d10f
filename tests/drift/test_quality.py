"""Figures of cells are those of the scores; what scores promise is what comes."""

from typing import Any

import numpy as np
import pytest
from scipy import special

from ecom.drift.quality import RATE, OperatingPoint, Quality, calibrate, expected, realised
from ecom.evaluation.metrics import COST, Sample, measure
from ecom.params.threshold import Costs
from ecom.serving.profile import UNKNOWN, Tally, score_bins

POINT = OperatingPoint(score_bins(0.2), 0.2, Costs(false_positive=1.0, false_negative=5.0))


def drawn(size: int, seed: int = 0, shift: float = 0.0, slope: float = 1.0) -> tuple[Any, Any]:
    """Return scores, and outcomes whose log-odds are theirs by a line."""
    random = np.random.default_rng(seed)
    odds = random.normal(-2, 1.5, size)
    true = special.expit(shift + slope * odds)
    return special.expit(odds), (random.random(size) < true).astype(np.int64)


def tally(scores: Any, outcomes: Any) -> Tally:
    return Tally.empty(POINT.bins).plus(scores, outcomes, np.zeros(len(scores), np.int64))


def test_figures_of_cells_are_those_of_the_scores() -> None:
    scores, labels = drawn(5000)

    found = realised(tally(scores, labels), POINT, seed=0)

    assert found is not None
    exact = measure(Sample.of_scores(labels, scores, threshold=0.2, costs=POINT.costs))
    for name, tolerance in (("pr_auc", 2e-3), ("roc_auc", 1e-3), ("precision", 0), ("recall", 0)):
        assert found[name].value == pytest.approx(exact[name][0], abs=tolerance + 1e-12)
    assert found[COST].value == pytest.approx(exact[COST][0])
    assert found["flagged_rate"].value == np.mean(scores >= 0.2)
    assert found[RATE].value == labels.mean()
    assert all(each.interval[0] <= each.value <= each.interval[1] for each in found.values())


@pytest.mark.parametrize(("shift", "slope"), [(0.0, 1.0), (-0.5, 1.0), (0.4, 0.7)])
def test_a_calibration_finds_the_line(shift: float, slope: float) -> None:
    calibration = calibrate(tally(*drawn(20_000, shift=shift, slope=slope)))

    assert calibration is not None
    promised = expected(tally(*drawn(20_000, 1)).by_outcome.sum(axis=0), calibration, POINT, 0)
    came = realised(tally(*drawn(20_000, 1, shift, slope)), POINT, 0)
    assert promised is not None
    assert came is not None
    for name in (RATE, "precision", "recall", COST):
        low, high = promised[name].interval
        assert low - 0.01 * (1 if name != COST else 1000) <= came[name].value
        assert came[name].value <= high + 0.01 * (1 if name != COST else 1000)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Quality, Quality]]:
    """Return what was expected of new sessions, and what came, of many pairs of samples."""
    found = []
    for seed in range(100):
        reference, new = tally(*drawn(3000, seed)), tally(*drawn(1000, 1000 + seed))
        promised = expected(new.by_outcome.sum(axis=0), calibrate(reference), POINT, seed)
        came = realised(new, POINT, seed)
        assert promised is not None
        assert came is not None
        found.append((promised, came))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", [RATE, "pr_auc", "precision", "recall", COST])
def test_intervals_hold_what_comes_as_often_as_they_say(
    pairs: list[tuple[Quality, Quality]], name: str
) -> None:
    held = sum(
        promised[name].interval[0] <= came[name].value <= promised[name].interval[1]
        for promised, came in pairs
    )

    assert held >= 87  # of 95 to expect: fewer come by chance once in 1,000


@pytest.mark.parametrize("seed", [9, 19, 32])
def test_scores_that_part_purchases_from_the_others_are_calibrated_too(seed: int) -> None:
    """Newton's method alone goes back and forth between two points here."""
    scores, _ = drawn(1500, seed)
    flipped = np.random.default_rng(seed).random(1500) < 0.003
    labels = ((scores > 0.05) != flipped).astype(np.int64)
    counted = tally(scores, labels)

    promised = expected(counted.by_outcome.sum(axis=0), calibrate(counted), POINT, 0)

    assert promised is not None
    assert promised[RATE].value == pytest.approx(labels.mean(), abs=0.01)


def test_few_outcomes_calibrate_nothing() -> None:
    scores, labels = drawn(60)
    few = tally(scores, np.where(labels == 1, UNKNOWN, labels))

    assert calibrate(few) is None
    assert realised(few, POINT, seed=0) is None
    taken = expected(few.by_outcome.sum(axis=0), None, POINT, seed=0)
    assert taken is not None
    assert taken[RATE].value == pytest.approx(scores.mean(), abs=0.01)


def test_no_sessions_promise_nothing() -> None:
    assert expected(np.zeros(POINT.bins.size, np.int64), None, POINT, seed=0) is None


def test_more_outcomes_make_a_promise_surer() -> None:
    new = tally(*drawn(5000, 1)).by_outcome.sum(axis=0)

    few, many = (
        expected(new, calibrate(tally(*drawn(size))), POINT, seed=0) for size in (500, 50_000)
    )

    assert few is not None
    assert many is not None
    assert np.ptp(few["recall"].interval) > np.ptp(many["recall"].interval)


@pytest.mark.parametrize("score", [1e-5, 0.002])
def test_draws_without_a_purchase_count(score: float) -> None:
    """Left out, they would make purchases look frequent."""
    few = tally(np.full(20, score), np.full(20, UNKNOWN))

    promised = expected(few.by_outcome.sum(axis=0), None, POINT, seed=9)

    assert promised is not None
    assert promised[RATE].value == pytest.approx(score, abs=1e-3)
    assert promised[RATE].interval[0] == 0
    assert "recall" not in promised


@pytest.mark.parametrize("threshold", [0.0, float(np.nextafter(1, 2))])
def test_any_threshold_can_be_calibrated(threshold: float) -> None:
    point = OperatingPoint(score_bins(threshold), threshold, POINT.costs)
    scores, labels = drawn(2000)
    counted = Tally.empty(point.bins).plus(scores, labels, np.zeros(2000, np.int64))

    promised = expected(counted.by_outcome.sum(axis=0), calibrate(counted), point, 0)

    assert promised is not None
    assert promised["flagged_rate"].value == (1.0 if threshold == 0 else 0.0)
    assert promised[RATE].value == pytest.approx(labels.mean(), abs=0.01)
