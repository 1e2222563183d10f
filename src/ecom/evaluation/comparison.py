"""Models side by side on the same rows: metrics, paired differences, and intervals of both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from ecom.evaluation.counts import Floats, count_flagged
from ecom.evaluation.metrics import COST, MODELS, Sample, measure, without_resamples
from ecom.evaluation.resampling import bootstrapped, interval
from ecom.evaluation.thresholds import trivial_costs

if TYPE_CHECKING:
    from ecom.params.bootstrap import Bootstrap
    from ecom.params.threshold import Costs

POLICIES: Final = ("flag_all", "flag_none")  # what a shop without a model would do
SHORT: Final = (
    "pr_auc",
    "roc_auc",
    "brier",
    "log_loss",
    "expected_calibration_error",
    "lift_top_10",
)

Measurement = Callable[[Floats], Mapping[str, Floats]]


@dataclass(frozen=True)
class Criteria:
    """What models are judged by.

    Attributes
    ----------
    thresholds
        For each of `MODELS`, the score from which on it flags a session.
    costs
        Costs of an error.
    bins
        Number of score bins, for the calibration error.
    bootstrap
        Number of resamples, and seed.
    """

    thresholds: Mapping[str, float]
    costs: "Costs"
    bins: int
    bootstrap: "Bootstrap"


def compare(
    labels: ArrayLike,
    measurements: Mapping[str, Measurement],
    differences: Mapping[str, tuple[str, str]],
    bootstrap: "Bootstrap",
) -> dict[str, Any]:
    """Measure models on the same rows, and the differences between them.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    measurements
        For each model, a function from weights of shape (b, n), how often each row counts, to
        metrics of shape (b,).
    differences
        For each name of a difference, two models: the first one's metrics minus the second one's,
        for the metrics that both have.
    bootstrap
        Number of resamples, and seed. All models are measured on the same resamples.

    Returns
    -------
    dict
        The metrics of each model and of each difference by name, and under ``intervals`` their
        95 % intervals by the bootstrap.

    Examples
    --------
    >>> from ecom.params.bootstrap import Bootstrap
    >>> measurements = {
    ...     "one": lambda weights: {"m": weights @ np.array([1.0, 1.0, 4.0]) / 3},
    ...     "other": lambda weights: {"m": weights @ np.array([1.0, 1.0, 1.0]) / 3},
    ... }
    >>> found = compare(
    ...     [0, 0, 1], measurements, {"gain": ("one", "other")}, Bootstrap(resamples=100, seed=0)
    ... )
    >>> found["gain"], found["intervals"]["gain"]
    ({'m': 1.0}, {'m': [1.0, 2.0]})
    """

    def measure_all(weights: Floats) -> dict[str, dict[str, Floats]]:
        found = {name: dict(measurement(weights)) for name, measurement in measurements.items()}
        for name, (first, second) in differences.items():
            found[name] = {
                metric: values - found[second][metric]
                for metric, values in found[first].items()
                if metric in found[second]
            }
        return found

    measured = measure_all(np.ones((1, len(np.asarray(labels)))))
    resampled = bootstrapped(
        labels,
        lambda weights: {
            f"{name}/{metric}": values
            for name, metrics in measure_all(weights).items()
            for metric, values in metrics.items()
        },
        bootstrap,
    )
    return {
        **{name: without_resamples(metrics) for name, metrics in measured.items()},
        "intervals": {
            name: {metric: interval(resampled[f"{name}/{metric}"]) for metric in metrics}
            for name, metrics in measured.items()
        },
    }


def compare_models(
    labels: ArrayLike, scores: Mapping[str, Floats], criteria: Criteria
) -> dict[str, Any]:
    """Judge the `MODELS` by every metric, their difference, and what the best model saves.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    scores
        Scores of both models, each of shape (n,); other entries are ignored.
    criteria
        Thresholds, costs, bins and resamples.

    Returns
    -------
    dict
        As from `compare`: both models, ``best_model_minus_baseline``, the costs of the `POLICIES`,
        and the cost that the best model ``saved_against_`` the baseline and each policy.
    """

    def model(name: str) -> Measurement:
        return lambda weights: measure(
            Sample.of_scores(
                labels,
                scores[name],
                weights,
                bins=criteria.bins,
                threshold=criteria.thresholds[name],
                costs=criteria.costs,
            )
        )

    def policy(name: str) -> Measurement:
        return lambda weights: {
            COST: trivial_costs(count_flagged(labels, scores["baseline"], weights), criteria.costs)[
                name
            ]
        }

    saved = {f"saved_against_{name}": (name, "best_model") for name in ("baseline", *POLICIES)}
    found = compare(
        labels,
        {name: model(name) for name in MODELS} | {name: policy(name) for name in POLICIES},
        {"best_model_minus_baseline": ("best_model", "baseline"), **saved},
        criteria.bootstrap,
    )
    for name in saved:
        found[name] = {COST: found[name][COST]}
        found["intervals"][name] = {COST: found["intervals"][name][COST]}
    return found


def compare_scores(
    labels: ArrayLike,
    scores: Mapping[str, Floats],
    differences: Mapping[str, tuple[str, str]],
    criteria: Criteria,
) -> dict[str, Any]:
    """Compare scores by the metrics in `SHORT`, which need no threshold.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    scores
        Scores by model, each of shape (n,); those that no difference names are ignored.
    differences
        As for `compare`.
    criteria
        Bins and resamples.

    Returns
    -------
    dict
        As from `compare`.
    """

    def model(name: str) -> Measurement:
        return lambda weights: measure(
            Sample.of_scores(labels, scores[name], weights, bins=criteria.bins), SHORT
        )

    names = dict.fromkeys(name for pair in differences.values() for name in pair)
    return compare(labels, {name: model(name) for name in names}, differences, criteria.bootstrap)
