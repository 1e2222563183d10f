"""Resamples keep the classes' sizes, repeat by their seed, and cover the truth as often as they say."""

import numpy as np
import pytest

from ecom.comparison import compare, compare_models, compare_scores
from ecom.evaluation import score_metrics
from ecom.notation import COST
from ecom.params import Bootstrap, Costs
from ecom.resampling import Floats, interval, stratified_bootstrap

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
        lambda weights: score_metrics(labels, scores, bins=10, weights=weights),
        Bootstrap(resamples=200, seed=seed),
    )
    return interval(resampled["roc_auc"])


def test_an_interval_covers_the_true_metric_about_as_often_as_it_says() -> None:
    true = 0.760250  # the ROC-AUC of such normals, Phi(1 / sqrt(2))
    intervals = [interval_of_roc_auc(seed) for seed in range(200)]

    covered = sum(low <= true <= high for low, high in intervals)

    assert 0.9 <= covered / 200 <= 0.99


def test_a_difference_is_paired_so_that_its_interval_is_narrower_than_its_sides() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(800) < 0.2).astype(int)
    shared = random.normal(size=800) + 1.5 * labels
    scores = {
        name: 1 / (1 + np.exp(-(shared + 0.2 * random.normal(size=800) + shift)))
        for name, shift in (("baseline", -1.0), ("best_model", -1.5))
    }

    found = compare_models(
        labels, scores, {"baseline": 0.3, "best_model": 0.3},
        costs=Costs(false_positive=1.0, false_negative=5.0), bins=10,
        bootstrap=Bootstrap(resamples=300, seed=0),
    )  # fmt: skip

    def width(name: str) -> float:
        low, high = found["intervals"][name]["pr_auc"]
        return float(high - low)

    assert width("best_model_minus_baseline") < 0.5 * width("best_model")
    for name in ("baseline", "best_model", "best_model_minus_baseline"):
        for metric, (low, high) in found["intervals"][name].items():
            if metric != "expected_calibration_error":  # biased upwards in resamples
                assert low <= found[name][metric] <= high
    for policy in ("baseline", "flag_all", "flag_none"):
        assert found[f"saved_against_{policy}"] == {
            COST: pytest.approx(found[policy][COST] - found["best_model"][COST])
        }


def test_a_model_compared_with_itself_differs_by_nothing() -> None:
    scores = np.linspace(0.01, 0.99, 100)

    found = compare_scores(
        LABELS, {"one": scores, "other": scores, "third": scores[::-1]},
        {"gain": ("one", "other")}, bins=10, bootstrap=Bootstrap(resamples=100, seed=0),
    )  # fmt: skip

    assert set(found["gain"].values()) == {0}
    assert all(bounds == [0, 0] for bounds in found["intervals"]["gain"].values())
    assert "third" not in found


def test_a_difference_has_the_metrics_that_both_sides_have() -> None:
    found = compare(
        LABELS,
        {
            "one": lambda weights: {"a": weights[:, 0], "b": weights[:, 1]},
            "other": lambda weights: {"b": weights[:, 1]},
        },
        {"gain": ("one", "other")},
        Bootstrap(resamples=100, seed=0),
    )

    assert found["gain"] == {"b": 0}


def test_a_difference_is_the_first_less_the_second() -> None:
    found = compare(
        LABELS,
        {
            "one": lambda weights: {"a": 3 * weights[:, 0]},
            "other": lambda weights: {"a": weights[:, 0]},
        },
        {"gain": ("one", "other")},
        Bootstrap(resamples=100, seed=0),
    )

    assert found["gain"] == {"a": 2}
