"""Models side by side on the same rows: metrics, paired differences, and intervals of both."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from ecom.evaluation.counts import Floats, count_flagged
from ecom.evaluation.metrics import (
    COST,
    MODELS,
    Sample,
    has_interval,
    measure,
    without_resamples,
)
from ecom.evaluation.resampling import bootstrapped, interval
from ecom.evaluation.thresholds import trivial_costs
from ecom.schema import FEATURE_SETS

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
    COST,
)

Measurement = Callable[[Floats], Mapping[str, Floats]]


@dataclass(frozen=True)
class Criteria:
    """What models are judged by.

    Attributes
    ----------
    thresholds
        For each model, the score from which on it flags a session.
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
        95 % intervals by the bootstrap, where there are any.

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
            name: {
                metric: interval(resampled[f"{name}/{metric}"])
                for metric in metrics
                if has_interval(metric)
            }
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
    saved = {f"saved_against_{name}": (name, "best_model") for name in ("baseline", *POLICIES)}
    found = compare(
        labels,
        {name: _model(labels, scores[name], name, criteria) for name in MODELS}
        | {name: _policy(labels, scores["baseline"], name, criteria) for name in POLICIES},
        {"best_model_minus_baseline": ("best_model", "baseline"), **saved},
        criteria.bootstrap,
    )
    for name in saved:
        found[name] = {COST: found[name][COST]}
        found["intervals"][name] = {COST: found["intervals"][name][COST]}
    return found


def compare_feature_sets(
    labels: ArrayLike,
    scores: Mapping[str, Floats],
    in_use: str,
    policy: str,
    criteria: Criteria,
) -> dict[str, Any]:
    """Judge the model of each feature set by the metrics in `SHORT`.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    scores
        Scores of shape (n,) by feature set; other entries are ignored.
    in_use
        The set of the best model.
    policy
        One of `POLICIES`, to compare costs with.
    criteria
        Thresholds, by feature set, costs, bins and resamples.

    Returns
    -------
    dict
        As from `compare`: each set, the costs of the policy, the cost ``saved_by_`` each set
        against it, and ``less_`` each other set: the set in use minus that one.
    """
    names = [name for name in FEATURE_SETS if name in scores]
    found = compare(
        labels,
        {name: _model(labels, scores[name], name, criteria, SHORT) for name in names}
        | {policy: _policy(labels, scores[in_use], policy, criteria)},
        {f"less_{name}": (in_use, name) for name in names if name != in_use}
        | {f"saved_by_{name}": (policy, name) for name in names},
        criteria.bootstrap,
    )
    return {"policy": policy, **found}


def _model(
    labels: ArrayLike,
    scores: Floats,
    name: str,
    criteria: Criteria,
    metrics: Iterable[str] | None = None,
) -> Measurement:
    """Return what measures a model at its threshold."""
    return lambda weights: measure(
        Sample.of_scores(
            labels,
            scores,
            weights,
            bins=criteria.bins,
            threshold=criteria.thresholds[name],
            costs=criteria.costs,
        ),
        metrics,
    )


def _policy(labels: ArrayLike, scores: Floats, name: str, criteria: Criteria) -> Measurement:
    """Return what measures the cost of a policy, which looks at no score."""
    return lambda weights: {
        COST: trivial_costs(count_flagged(labels, scores, weights), criteria.costs)[name]
    }
