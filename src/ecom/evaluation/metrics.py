"""The metrics that models are judged by, each in one record: how it is computed, named, written.

To add a metric, add an entry to `METRICS`. Tests compare each metric with scikit-learn's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecom.evaluation.counts import Counts, Floats, count_flagged
from ecom.params.section import unknown_key

if TYPE_CHECKING:
    from ecom.params.review import Review
    from ecom.params.threshold import Costs

T = TypeVar("T")

MODELS: Final = ("baseline", "best_model")  # that are judged
COST: Final = "cost_per_1000_sessions"
BREAK_EVEN_COST: Final = "cost_at_break_even"
TOP: Final = (5, 10, 20)  # per cent of the sessions; less would be too few of a few thousand
SMALLEST: Final = 1e-15  # the log loss clips probabilities nearer to 0 or 1 than this


@dataclass(frozen=True)
class Sample:
    """Labelled scores in b resamples, with what metrics need beside them.

    Attributes
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none; both classes occur in each resample.
    scores : array of shape (n,)
        Probabilities of a purchase.
    weights : array of shape (b, n)
        How often each session counts, in each resample.
    bins
        Number of score bins of equal width, for the calibration error; None if unknown.
    threshold
        Scores of at least this are flagged; an array of shape (b,) has one for each resample.
        None if the sample has no operating point.
    costs
        Costs of an error; None if unknown.
    """

    labels: NDArray[np.int64]
    scores: Floats
    weights: Floats
    bins: int | None = None
    threshold: float | Floats | None = None
    costs: "Costs | None" = None

    @classmethod
    def of_scores(  # noqa: PLR0913  the attributes, with defaults
        cls,
        labels: ArrayLike,
        scores: ArrayLike,
        weights: Floats | None = None,
        *,
        bins: int | None = None,
        threshold: float | Floats | None = None,
        costs: "Costs | None" = None,
    ) -> Self:
        """Return a sample of anything that converts to arrays; by default each row counts once."""
        rows = np.asarray(labels, dtype=np.int64)
        if weights is None:
            weights = np.ones((1, len(rows)))
        return cls(rows, np.asarray(scores, dtype=np.float64), weights, bins, threshold, costs)

    @cached_property
    def counts(self) -> Counts:
        """What each threshold flags."""
        return count_flagged(self.labels, self.scores, self.weights)

    @cached_property
    def point(self) -> Counts:
        """What the threshold flags."""
        if self.threshold is None:
            raise ValueError("the sample has no threshold")
        return self.counts.at(self.threshold)

    @property
    def sessions(self) -> Floats:
        """Number of sessions in each resample, of shape (b,)."""
        return self.counts.sessions[:, 0]

    @property
    def base_rate(self) -> Floats:
        """Share of purchases in each resample, of shape (b,)."""
        return self.counts.purchases[:, 0] / self.sessions

    def mean(self, values: Floats) -> Floats:
        """Return the mean over the sessions of each resample of values of shape (n,)."""
        mean: Floats = self.weights @ values / self.sessions
        return mean


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes
    ----------
    words
        Its name for people.
    compute
        From a sample to the metric of each resample, of shape (b,).
    needs
        Attributes of `Sample` that must be given.
    lower_is_better
        Whether a lower value is better.
    decimals
        Digits after the point that people are shown.
    largest_difference
        The most that two models can differ by.
    noise_adds
        Whether noise makes it larger, as a sum of absolute gaps: resampling would add to it once
        more, so it has no interval. `perfect_calibration_error` stands beside it instead.
    """

    words: str
    compute: Callable[[Sample], Floats]
    needs: tuple[str, ...] = ()
    lower_is_better: bool = False
    decimals: int = 3
    largest_difference: float = 1.0
    noise_adds: bool = False


def given(value: T | None) -> T:
    """Return a value that `Metric.needs` promises is not None."""
    if value is None:
        raise ValueError("the sample lacks an attribute that the metric needs")
    return value


def bin_of(scores: ArrayLike, bins: int) -> NDArray[np.int64]:
    """Return the number of each score's bin, among `bins` of equal width between 0 and 1."""
    return np.minimum((np.asarray(scores) * bins).astype(np.int64), bins - 1)


def _log_loss(sample: Sample) -> Floats:
    of_label = np.where(sample.labels == 1, sample.scores, 1 - sample.scores)
    return sample.mean(-np.log(np.clip(of_label, SMALLEST, 1)))


def _calibration_error(sample: Sample) -> Floats:
    """Return the expected calibration error of each resample (Naeini et al. 2015)."""
    bins = given(sample.bins)
    in_bin = np.eye(bins)[bin_of(sample.scores, bins)]
    gaps = np.abs(sample.weights @ (in_bin * (sample.labels - sample.scores)[:, None]))
    error: Floats = gaps.sum(axis=1) / sample.sessions
    return error


def perfect_calibration_error(scores: ArrayLike, bins: int) -> float:
    """Return the calibration error to expect of scores that are the true probabilities.

    It is not 0, since purchases in a bin vary: the gap of a bin is close to a normal of mean 0,
    whose mean absolute value is its standard deviation times the root of 2 / pi.

    Examples
    --------
    >>> round(perfect_calibration_error([0.5] * 400, 10), 3)
    0.02
    """
    given_scores = np.asarray(scores, dtype=np.float64)
    variance = np.bincount(bin_of(given_scores, bins), given_scores * (1 - given_scores), bins)
    return float(np.sqrt(2 / np.pi * variance).sum() / len(given_scores))


def _precision_in_top(sample: Sample, per_cent: int) -> Floats:
    share = per_cent / 100
    return sample.counts.purchases_in_top(share) / (share * sample.sessions)


def _lift_in_top(sample: Sample, per_cent: int) -> Floats:
    return _precision_in_top(sample, per_cent) / sample.base_rate


def _cost_at_break_even(sample: Sample) -> Floats:
    costs = given(sample.costs)
    return sample.counts.at(costs.break_even).cost(costs)[:, 0]


METRICS: Final[dict[str, Metric]] = {
    "pr_auc": Metric("PR-AUC", lambda sample: sample.counts.pr_auc),
    "roc_auc": Metric("ROC-AUC", lambda sample: sample.counts.roc_auc),
    "brier": Metric(
        "Brier score",
        lambda sample: sample.mean((sample.scores - sample.labels) ** 2),
        lower_is_better=True,
    ),
    "log_loss": Metric("log loss", _log_loss, lower_is_better=True, largest_difference=1e3),
    "expected_calibration_error": Metric(
        "expected calibration error",
        _calibration_error,
        needs=("bins",),
        lower_is_better=True,
        noise_adds=True,
    ),
    "precision": Metric(
        "precision at the threshold",
        lambda sample: sample.point.precision[:, 0],
        needs=("threshold",),
    ),
    "recall": Metric(
        "recall at the threshold", lambda sample: sample.point.recall[:, 0], needs=("threshold",)
    ),
    "flagged_rate": Metric(
        "share of sessions flagged",
        lambda sample: sample.point.flagged[:, 0] / sample.sessions,
        needs=("threshold",),
    ),
    COST: Metric(
        "cost of errors, € per 1,000 sessions",
        lambda sample: sample.point.cost(given(sample.costs))[:, 0],
        needs=("threshold", "costs"),
        lower_is_better=True,
        decimals=0,
        largest_difference=1e9,
    ),
    BREAK_EVEN_COST: Metric(
        "cost of errors at the break-even threshold, € per 1,000 sessions",
        _cost_at_break_even,
        needs=("costs",),
        lower_is_better=True,
        decimals=0,
        largest_difference=1e9,
    ),
    **{
        f"precision_top_{per_cent}": Metric(
            f"precision in the top {per_cent} %", partial(_precision_in_top, per_cent=per_cent)
        )
        for per_cent in TOP
    },
    **{
        f"lift_top_{per_cent}": Metric(
            f"lift in the top {per_cent} %",
            partial(_lift_in_top, per_cent=per_cent),
            largest_difference=100.0,
        )
        for per_cent in TOP
    },
}


def measure(sample: Sample, metrics: Iterable[str] | None = None) -> dict[str, Floats]:
    """Compute metrics of a sample, in every resample at once.

    Parameters
    ----------
    sample
        Labelled scores.
    metrics
        Names of `METRICS`; by default all.

    Returns
    -------
    dict of arrays of shape (b,)
        By name, for the metrics whose needs the sample meets.
    """
    return {
        name: METRICS[name].compute(sample)
        for name in (METRICS if metrics is None else metrics)
        if all(getattr(sample, need) is not None for need in METRICS[name].needs)
    }


def has_interval(metric: str) -> bool:
    """Tell whether the bootstrap gives an interval that covers the truth as often as it says."""
    return metric not in METRICS or not METRICS[metric].noise_adds


def without_resamples(metrics: Mapping[str, Floats]) -> dict[str, float]:
    """Return metrics of the rows as they are, which `measure` gives as arrays of length 1."""
    return {name: float(values[0]) for name, values in metrics.items()}


def find_faults(review: "Review") -> list[str]:
    """Return a line for every metric of params.yaml that is unknown or too far apart."""
    faults = [
        unknown_key(f"review.shown.{name}", METRICS) for name in review.shown if name not in METRICS
    ]
    for name, sizes in review.decisive.items():
        key = f"review.decisive.{name}"
        if name not in METRICS:
            faults.append(unknown_key(key, METRICS))
        elif sizes.margin > (largest := METRICS[name].largest_difference):
            faults.append(
                f"{key}.margin: {sizes.margin:g} is not allowed; input should be at most "
                f"{largest:g}, the largest difference there can be"
            )
    return faults
