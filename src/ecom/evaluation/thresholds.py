"""The threshold: from which score on a session is flagged."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from ecom.digits import significant
from ecom.errors import DataError
from ecom.evaluation.counts import FLAG_NONE, Counts, Floats, count_flagged
from ecom.evaluation.metrics import COST, Sample, measure, without_resamples
from ecom.evaluation.resampling import bootstrapped, interval

if TYPE_CHECKING:
    from ecom.params.bootstrap import Bootstrap
    from ecom.params.threshold import Costs, Threshold

AT_THRESHOLD: Final = ("precision", "recall", "flagged_rate", COST)
ROUNDING: Final = 1e-6  # of a session


def choose_threshold(counts: Counts, params: "Threshold") -> Floats:
    """Choose the threshold of each resample by the strategy of params.yaml.

    ``minimum_cost``: the least cost of errors. ``break_even``: the probability from which flagging
    costs less than not flagging, whatever the scores. ``quota``: the lowest threshold that flags
    no more than the quota. ``target_precision``: of the thresholds that reach it, the one with the
    highest recall. ``target_recall``: the highest that reaches it. ``fixed``: the one given. Ties
    go to the highest threshold.

    Parameters
    ----------
    counts
        Counts in b resamples.
    params
        Strategy, costs and targets.

    Returns
    -------
    array of shape (b,)
        Where the scores choose, the shortest decimal between the lowest score that is flagged and
        the next lower one, so that a score's last digits decide nothing. `FLAG_NONE`, which flags
        no session, where no threshold reaches the target precision.
    """
    match params.strategy:
        case "minimum_cost":
            places = np.argmin(counts.cost(params.costs), axis=1)
        case "quota":
            # A share such as 0.29 of 100 sessions is 28.999... in binary.
            within = counts.flagged <= params.quota * counts.sessions + ROUNDING
            places = np.sum(within, axis=1) - 1
        case "target_precision":
            reached = counts.precision >= params.target_precision
            places = np.argmax(np.where(reached, counts.true_positives, 0), axis=1)
        case "target_recall":
            places = np.argmax(counts.recall >= params.target_recall, axis=1)
        case "break_even":
            return np.full(len(counts.flagged), significant(params.costs.break_even))
        case "fixed":
            return np.full(len(counts.flagged), params.fixed)
    distinct, inverse = np.unique(places, return_inverse=True)
    return np.array([_threshold_at(counts.thresholds, place) for place in distinct])[inverse]


def _threshold_at(thresholds: Floats, place: int) -> float:
    """Return the shortest decimal that flags what ``thresholds[place]`` flags."""
    high = float(thresholds[place])
    if high in (FLAG_NONE, 0):
        return high
    return shortest_between(float(thresholds[place + 1]), high)


def shortest_between(low: float, high: float) -> float:
    """Return the decimal with the fewest digits above `low` and below `high`.

    The one nearest to the middle if there are several; `high` if there is no number between.

    Examples
    --------
    >>> shortest_between(0.15049, 0.15052)
    0.1505
    >>> shortest_between(0.1, 0.9)
    0.5
    """
    middle = (low + high) / 2
    for digits in range(1, 18):
        decimal = round(middle, digits)
        if low < decimal < high:
            return decimal
    return high


def operating_point(
    labels: ArrayLike, scores: ArrayLike, params: "Threshold", bootstrap: "Bootstrap"
) -> dict[str, Any]:
    """Choose a threshold, and measure what it gives.

    Parameters
    ----------
    labels, scores
        Labels and scores of rows that the model was not fitted to.
    params
        Strategy, costs and targets.
    bootstrap
        Number of resamples, and seed.

    Returns
    -------
    dict
        ``threshold``; the metrics `AT_THRESHOLD`, on the rows that chose it and therefore slightly
        optimistic; and their 95 % ``intervals``. The threshold is chosen anew in each resample for
        its own interval; the other intervals hold it fixed.
    """
    threshold = float(choose_threshold(count_flagged(labels, scores), params)[0])

    def sample(weights: Floats | None = None) -> Sample:
        return Sample.of_scores(labels, scores, weights, threshold=threshold, costs=params.costs)

    def statistics(weights: Floats) -> dict[str, Floats]:
        resampled = sample(weights)
        return {
            "threshold": choose_threshold(resampled.counts, params),
            **measure(resampled, AT_THRESHOLD),
        }

    resampled = bootstrapped(labels, statistics, bootstrap)
    return {
        "threshold": threshold,
        **without_resamples(measure(sample(), AT_THRESHOLD)),
        "intervals": {name: interval(values) for name, values in resampled.items()},
    }


def require_reachable(labels: ArrayLike, scores: ArrayLike, params: "Threshold") -> None:
    """Refuse a target precision that no threshold reaches.

    Raises
    ------
    DataError
        With the highest precision that any threshold reaches.
    """
    counts = count_flagged(labels, scores)
    if params.strategy == "target_precision" and choose_threshold(counts, params)[0] == FLAG_NONE:
        raise DataError(
            f"threshold.target_precision is {params.target_precision}, but no threshold of the "
            f"best model reaches it: its highest precision is {counts.precision.max():.3f}. Lower "
            "the target, or choose another threshold.strategy"
        )


def trivial_costs(counts: Counts, costs: "Costs") -> dict[str, Floats]:
    """Return the cost per 1000 sessions of flagging every session, and of flagging none.

    Parameters
    ----------
    counts
        Counts in b resamples.
    costs
        Costs of an error.

    Returns
    -------
    dict of arrays of shape (b,)
        ``flag_all`` and ``flag_none``.
    """
    curve = counts.cost(costs)
    return {"flag_all": curve[:, -1], "flag_none": curve[:, 0]}
