"""Resamples draw all rows alike, repeat by their seed, and cover the truth as often as they say."""

from dataclasses import replace

import numpy as np
import pytest

from ecom.evaluation.counts import Floats
from ecom.evaluation.metrics import METRICS, Sample, given, has_interval, measure
from ecom.evaluation.resampling import bootstrapped, interval
from ecom.evaluation.thresholds import trivial_costs
from ecom.params.bootstrap import Bootstrap
from ecom.params.threshold import Costs

LABELS = np.repeat([0, 1], [70, 30])


def drawn(bootstrap: Bootstrap) -> Floats:
    return np.stack(
        [
            values
            for _, values in sorted(
                bootstrapped(
                    LABELS,
                    lambda weights: {f"{row:03d}": weights[:, row] for row in range(100)},
                    bootstrap,
                ).items()
            )
        ],
        axis=1,
    )


@pytest.mark.parametrize("resamples", [100, 250])
def test_each_resample_draws_as_many_rows_as_there_are_and_purchases_vary(resamples: int) -> None:
    weights = drawn(Bootstrap(resamples=resamples, seed=0))
    purchases = weights[:, 70:].sum(axis=1)

    assert weights.shape == (resamples, 100)
    assert (weights.sum(axis=1) == 100).all()
    assert purchases.std() == pytest.approx(np.sqrt(100 * 0.3 * 0.7), rel=0.25)
    assert len(np.unique(weights, axis=0)) == resamples
    assert weights.mean(axis=0) == pytest.approx(np.ones(100), abs=0.5)


def test_a_resample_of_one_class_is_drawn_again() -> None:
    labels = np.array([0, 0, 0, 1])

    found = bootstrapped(
        labels,
        lambda weights: {"purchases": weights @ labels, "rows": weights.sum(axis=1)},
        Bootstrap(resamples=500, seed=0),
    )

    assert set(found["purchases"].tolist()) == {1.0, 2.0, 3.0}
    assert set(found["rows"].tolist()) == {4.0}


def test_the_seed_decides_the_resamples() -> None:
    again = [drawn(Bootstrap(resamples=100, seed=seed)) for seed in (1, 1, 2)]

    np.testing.assert_array_equal(again[0], again[1])
    assert (again[0] != again[2]).any()


# Two kinds of sessions in four, and a purchase in six: the truth is known by drawing very many.
THRESHOLD = 0.4
SAMPLE = 2000


def sample(seed: int, rows: int) -> Sample:
    """Draw sessions as a shop has them: the number of purchases varies too."""
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < 0.16).astype(int)
    scores = 1 / (1 + np.exp(-(random.normal(size=rows) + 2 * labels - 2)))
    return Sample.of_scores(
        labels,
        scores,
        bins=10,
        threshold=THRESHOLD,
        costs=Costs(false_positive=1.0, false_negative=5.0),
    )


REPORTED = list(filter(has_interval, METRICS))


def coverage(runs: int, resamples: int) -> dict[str, float]:
    """Return how often the interval of each metric holds its true value."""
    true = {name: values.item() for name, values in measure(sample(0, 1_000_000), REPORTED).items()}
    truth = {**true, "flag_none": 1000 * 0.16 * 5}
    covered = dict.fromkeys(truth, 0)
    for seed in range(1, runs + 1):
        drawn = sample(seed, SAMPLE)

        def statistics(weights: Floats, drawn: Sample = drawn) -> dict[str, Floats]:
            resample = replace(drawn, weights=weights)
            trivial = trivial_costs(resample.counts, given(drawn.costs))
            return {**measure(resample, REPORTED), "flag_none": trivial["flag_none"]}

        found = bootstrapped(drawn.labels, statistics, Bootstrap(resamples=resamples, seed=seed))
        for name, values in found.items():
            low, high = interval(values)
            covered[name] += low <= truth[name] <= high
    return {name: times / runs for name, times in covered.items()}


@pytest.mark.slow
def test_intervals_of_all_metrics_cover_what_other_sessions_would_give() -> None:
    shares = coverage(runs=200, resamples=200)

    # 93 % and the noise of 200 runs: 95 % less two of its standard errors.
    assert {name: share for name, share in shares.items() if share < 0.915} == {}


@pytest.mark.prove
def test_intervals_of_all_metrics_cover_the_truth_in_93_of_100_cases() -> None:
    shares = coverage(runs=1500, resamples=400)

    assert {name: share for name, share in shares.items() if share < 0.93} == {}


def interval_of_roc_auc(seed: int) -> list[float]:
    """Return the interval of one sample of two normals that lie 1 apart."""
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1], 100)
    scores = 1 / (1 + np.exp(-(random.normal(size=200) + labels)))
    resampled = bootstrapped(
        labels,
        lambda weights: measure(Sample.of_scores(labels, scores, weights), ["roc_auc"]),
        Bootstrap(resamples=200, seed=seed),
    )
    return interval(resampled["roc_auc"])


def test_an_interval_covers_the_true_metric_about_as_often_as_it_says() -> None:
    true = 0.760250  # the ROC-AUC of such normals, Phi(1 / sqrt(2))
    intervals = [interval_of_roc_auc(seed) for seed in range(200)]

    covered = sum(low <= true <= high for low, high in intervals)

    assert 0.9 <= covered / 200 <= 0.99
