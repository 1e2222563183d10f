"""Resamples keep the classes' sizes, repeat by their seed, and cover the truth as often as they say."""

import numpy as np
import pytest

from ecom.evaluation.counts import Floats
from ecom.evaluation.metrics import Sample, measure
from ecom.evaluation.resampling import interval, stratified_bootstrap
from ecom.params.bootstrap import Bootstrap

LABELS = np.repeat([0, 1], [70, 30])


def drawn(bootstrap: Bootstrap) -> Floats:
    return np.stack(
        [
            values
            for _, values in sorted(
                stratified_bootstrap(
                    LABELS,
                    lambda weights: {f"{row:03d}": weights[:, row] for row in range(100)},
                    bootstrap,
                ).items()
            )
        ],
        axis=1,
    )


@pytest.mark.parametrize("resamples", [100, 250])
def test_each_resample_draws_as_many_of_each_class_as_there_are(resamples: int) -> None:
    weights = drawn(Bootstrap(resamples=resamples, seed=0))

    assert weights.shape == (resamples, 100)
    assert (weights[:, :70].sum(axis=1) == 70).all()
    assert (weights[:, 70:].sum(axis=1) == 30).all()
    assert len(np.unique(weights, axis=0)) == resamples
    assert weights.mean(axis=0) == pytest.approx(np.ones(100), abs=0.5)


def test_the_seed_decides_the_resamples() -> None:
    again = [drawn(Bootstrap(resamples=100, seed=seed)) for seed in (1, 1, 2)]

    np.testing.assert_array_equal(again[0], again[1])
    assert (again[0] != again[2]).any()


def interval_of_roc_auc(seed: int) -> list[float]:
    """Return the interval of one sample of two normals that lie 1 apart."""
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1], 100)
    scores = 1 / (1 + np.exp(-(random.normal(size=200) + labels)))
    resampled = stratified_bootstrap(
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
