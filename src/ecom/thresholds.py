"""From which score on a session is flagged."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ecom.errors import DataError
from ecom.evaluation import NONE, Counts, Floats, count_flagged, only, operating_metrics
from ecom.params import Bootstrap, Costs, Threshold
from ecom.resampling import interval, stratified_bootstrap

ROUNDING = 1e-6  # of a session


def choose_threshold(counts: Counts, params: Threshold) -> Floats:
    """Choose the threshold of each resample by the strategy of params.yaml.

    ``minimum_cost``: the least cost of errors. ``quota``: the lowest threshold that flags no more
    than the quota. ``target_precision``: of those that reach it, the one with most recall.
    ``target_recall``: the highest that reaches it. ``fixed``: the one given. Of equals, the
    highest.

    Parameters
    ----------
    counts
        Of b resamples.
    params
        Strategy, costs and targets.

    Returns
    -------
    array of shape (b,)
        `ecom.evaluation.NONE`, which flags no session, where no threshold reaches the target
        precision.
    """
    match params.strategy:
        case "minimum_cost":
            cost = counts.cost(params.costs)
            places = np.argmin(cost, axis=1)
        case "quota":
            # A share such as 0.29 of 100 sessions is 28.999... in binary.
            within = counts.flagged <= params.quota * counts.sessions + ROUNDING
            places = np.sum(within, axis=1) - 1
        case "target_precision":
            caught = np.where(counts.precision >= params.target_precision, counts.caught, 0)
            places = np.argmax(caught, axis=1)
        case "target_recall":
            places = np.argmax(counts.recall >= params.target_recall, axis=1)
        case "fixed":
            return np.full(len(counts.flagged), params.fixed)
    chosen: Floats = counts.thresholds[places]
    return chosen


def operating_point(
    labels: ArrayLike, scores: ArrayLike, params: Threshold, bootstrap: Bootstrap
) -> dict[str, Any]:
    """Choose a threshold, and tell what it gives.

    Parameters
    ----------
    labels, scores
        Of rows that the model was not fitted to.
    params
        Strategy, costs and targets.
    bootstrap
        Number of resamples, and seed.

    Returns
    -------
    dict
        ``threshold``; the `operating_metrics` at it, of the rows that chose it and so a little
        flattering; and their 95 % ``intervals``: that of the threshold from choosing anew in each
        resample, the others at the threshold chosen.
    """
    counts = count_flagged(labels, scores)
    threshold = float(choose_threshold(counts, params)[0])

    def statistics(weights: Floats) -> dict[str, Floats]:
        resampled = count_flagged(labels, scores, weights)
        return {
            "threshold": choose_threshold(resampled, params),
            **operating_metrics(resampled, threshold, params.costs),
        }

    resampled = stratified_bootstrap(labels, statistics, bootstrap)
    return {
        "threshold": threshold,
        **only(operating_metrics(counts, threshold, params.costs)),
        "intervals": {name: interval(values) for name, values in resampled.items()},
    }


def require_reached(labels: ArrayLike, scores: ArrayLike, params: Threshold) -> None:
    """Refuse a target precision that no threshold reaches.

    Raises
    ------
    DataError
        With the highest precision that there is.
    """
    counts = count_flagged(labels, scores)
    if params.strategy == "target_precision" and choose_threshold(counts, params)[0] == NONE:
        raise DataError(
            f"threshold.target_precision {params.target_precision} is reached by the best model at "
            f"no threshold: its highest precision is {counts.precision.max():.3f}. Lower it, or "
            "take another threshold.strategy"
        )


def break_even(costs: Costs) -> float:
    """Return the probability from which flagging costs less than not flagging.

    The minimum-cost threshold of calibrated probabilities (Elkan 2001).
    """
    return costs.false_positive / (costs.false_positive + costs.false_negative)
