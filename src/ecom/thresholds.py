"""From which score on a session is flagged."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ecom.errors import DataError
from ecom.evaluation import Counts, Floats, count_flagged, only, operating_metrics
from ecom.params import Bootstrap, Costs, Threshold
from ecom.resampling import interval, stratified_bootstrap

STEPS = 200  # of the grid that is drawn


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
        The threshold above every score, which flags none, where no threshold reaches the target
        precision.
    """
    match params.strategy:
        case "minimum_cost":
            cost = counts.cost(params.costs)
            places = np.argmin(cost, axis=1)
        case "quota":
            within = counts.flagged <= params.quota * counts.sessions
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
        ``threshold``; the `operating_metrics` at it, by which it was chosen; and their 95 %
        ``intervals``, that of the threshold from choosing anew in each resample.

    Raises
    ------
    DataError
        No threshold reaches the target precision.
    """
    counts = count_flagged(labels, scores)
    threshold = float(choose_threshold(counts, params)[0])
    if params.strategy == "target_precision" and threshold == counts.thresholds[0]:
        raise DataError(
            f"threshold.target_precision {params.target_precision} is reached at no threshold: "
            f"the highest precision is {counts.precision.max():.3f}. Lower it, or take another "
            "threshold.strategy"
        )

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


def break_even(costs: Costs) -> float:
    """Return the probability from which flagging costs less than not flagging.

    The minimum-cost threshold of calibrated probabilities (Elkan 2001).
    """
    return costs.false_positive / (costs.false_positive + costs.false_negative)


def sweep(counts: Counts, costs: Costs, chosen: float) -> pd.DataFrame:
    """Return what each threshold of an even grid from 0 to 1 gives.

    Returns
    -------
    DataFrame of shape (201, 9)
        ``threshold``, ``precision``, ``recall``, ``flagged_rate``, ``cost_per_1000_sessions``;
        and, the same in each row, to draw beside them: ``flag_all`` and ``flag_none``, the costs
        of the two trivial policies, ``chosen``, the threshold in use, and ``break_even``.
    """
    cost = counts.cost(costs)[0]
    thresholds = np.arange(STEPS + 1) / STEPS
    # Thresholds descend; the last that is not below a grid point flags what that point flags.
    places = np.maximum(np.searchsorted(-counts.thresholds, -thresholds, side="right") - 1, 0)
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "precision": counts.precision[0, places],
            "recall": counts.recall[0, places],
            "flagged_rate": counts.flagged[0, places] / counts.sessions[0],
            "cost_per_1000_sessions": cost[places],
            "flag_all": cost[-1],
            "flag_none": cost[0],
            "chosen": chosen,
            "break_even": break_even(costs),
        }
    )
