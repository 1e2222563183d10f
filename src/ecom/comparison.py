"""Models side by side on the same rows: metrics, paired differences, and intervals of both."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ecom.evaluation import (
    count_flagged,
    only,
    operating_metrics,
    score_metrics,
    trivial_costs,
)
from ecom.notation import COST
from ecom.params import Bootstrap, Costs
from ecom.resampling import Floats, interval, stratified_bootstrap

IN_BRIEF = (
    "pr_auc", "roc_auc", "brier", "log_loss", "expected_calibration_error", "lift_top_10",
)  # fmt: skip

Measure = Callable[[Floats], Mapping[str, Floats]]


def compare(
    labels: ArrayLike,
    measures: Mapping[str, Measure],
    differences: Mapping[str, tuple[str, str]],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Measure models on the same rows, and the differences between them.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    measures
        For each model, a function from weights of shape (b, n), how often each row counts, to
        metrics of shape (b,).
    differences
        Names of differences, each of two models: the first's metrics minus the second's, of
        those that both have.
    bootstrap
        Number of resamples, and seed; all models are measured on the same resamples.

    Returns
    -------
    dict
        The metrics of each model and difference by name, and under ``intervals`` their 95 %
        intervals by the stratified bootstrap.

    Examples
    --------
    >>> measures = {
    ...     "one": lambda weights: {"m": weights @ np.array([1.0, 1.0, 4.0]) / 3},
    ...     "other": lambda weights: {"m": weights @ np.array([1.0, 1.0, 1.0]) / 3},
    ... }
    >>> compare([0, 0, 1], measures, {"gain": ("one", "other")}, Bootstrap(resamples=100, seed=0))
    {'one': {'m': 2.0}, 'other': {'m': 1.0}, 'gain': {'m': 1.0}, 'intervals': {'one': {'m': [2.0, \
2.0]}, 'other': {'m': [1.0, 1.0]}, 'gain': {'m': [1.0, 1.0]}}}
    """

    def measure(weights: Floats) -> dict[str, dict[str, Floats]]:
        found = {name: dict(of(weights)) for name, of in measures.items()}
        for name, (first, second) in differences.items():
            found[name] = {
                metric: values - found[second][metric]
                for metric, values in found[first].items()
                if metric in found[second]
            }
        return found

    here = measure(np.ones((1, len(np.asarray(labels)))))
    resampled = stratified_bootstrap(
        labels,
        lambda weights: {
            f"{name}/{metric}": values
            for name, metrics in measure(weights).items()
            for metric, values in metrics.items()
        },
        bootstrap,
    )
    return {
        **{name: only(metrics) for name, metrics in here.items()},
        "intervals": {
            name: {metric: interval(resampled[f"{name}/{metric}"]) for metric in metrics}
            for name, metrics in here.items()
        },
    }


def compare_models(  # noqa: PLR0913  all of what models are judged by
    labels: ArrayLike,
    scores: Mapping[str, Floats],
    thresholds: Mapping[str, float],
    *,
    costs: Costs,
    bins: int,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Judge ``baseline`` and ``best_model``, ranking and operating point, and their difference.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    scores
        Of both models, each of shape (n,); other models' are ignored.
    thresholds
        From which either flags.
    costs
        Of an error.
    bins, bootstrap
        As of `ecom.evaluation.score_metrics` and `compare`.

    Returns
    -------
    dict
        As of `compare`: both models, ``best_model_minus_baseline``, the costs of ``flag_all`` and
        ``flag_none``, and ``saved_against_`` each of these three, costs alone.
    """

    def measure_of(name: str) -> Measure:
        return lambda weights: {
            **score_metrics(labels, scores[name], bins=bins, weights=weights),
            **operating_metrics(
                count_flagged(labels, scores[name], weights), thresholds[name], costs
            ),
        }

    def trivial(policy: str) -> Measure:
        return lambda weights: {
            COST: trivial_costs(count_flagged(labels, scores["baseline"], weights), costs)[policy]
        }

    saved = {
        "saved_against_baseline": ("baseline", "best_model"),
        "saved_against_flag_all": ("flag_all", "best_model"),
        "saved_against_flag_none": ("flag_none", "best_model"),
    }
    found = compare(
        labels,
        {
            **{name: measure_of(name) for name in ("baseline", "best_model")},
            **{policy: trivial(policy) for policy in ("flag_all", "flag_none")},
        },
        {"best_model_minus_baseline": ("best_model", "baseline"), **saved},
        bootstrap,
    )
    for name in saved:
        found[name] = {COST: found[name][COST]}
        found["intervals"][name] = {COST: found["intervals"][name][COST]}
    return found


def compare_scores(
    labels: ArrayLike,
    scores: Mapping[str, Floats],
    differences: Mapping[str, tuple[str, str]],
    *,
    bins: int,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Compare scores without a threshold, by the metrics `IN_BRIEF`.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    scores
        By model, each of shape (n,); those that no difference names are ignored.
    differences
        As of `compare`.
    bins, bootstrap
        As of `ecom.evaluation.score_metrics` and `compare`.

    Returns
    -------
    dict
        As of `compare`.
    """

    def measure_of(name: str) -> Measure:
        def measure(weights: Floats) -> dict[str, Floats]:
            metrics = score_metrics(labels, scores[name], bins=bins, weights=weights)
            return {metric: metrics[metric] for metric in IN_BRIEF}

        return measure

    names = dict.fromkeys(name for pair in differences.values() for name in pair)
    return compare(labels, {name: measure_of(name) for name in names}, differences, bootstrap)
