"""How good a model is on new sessions: expected from its scores, and realised where outcomes are.

The expectation is that of confidence-based performance estimation (CBPE): a calibrated score says
how often such a session buys, so that scores alone say how many purchases are flagged and missed.
It holds as long as sessions of the same score buy as often as before.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize, special

from ecom.drift.pairs import RESAMPLES
from ecom.drift.shifts import FEWEST
from ecom.evaluation.counts import Counts, Floats
from ecom.evaluation.metrics import COST
from ecom.evaluation.resampling import interval
from ecom.params.threshold import Costs
from ecom.serving.profile import NO_PURCHASE, PURCHASE, Bins, Ints, Tally, of_known_outcome

RATE: Final = "purchase_rate"
OF_BOTH_OUTCOMES: Final = ("pr_auc", "roc_auc", "recall")
KNOTS: Final = range(-6, 5)  # log-odds
BEND: Final = 0.6
FARTHEST: Final = 20.0  # log-odds: a threshold of 0 would have none


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    interval: tuple[float, float]


Quality = dict[str, Estimate]  # by metric


@dataclass(frozen=True)
class OperatingPoint:
    """What figures need besides scores and outcomes.

    Attributes
    ----------
    bins
        Cells of the score.
    threshold
        Scores of at least this are flagged; no cell straddles it.
    costs
        Costs of an error.
    """

    bins: Bins
    threshold: float
    costs: Costs

    def metrics(self, sessions: Floats, purchases: Floats) -> dict[str, Floats]:
        """Return metrics from sessions and purchases in each cell of the score, (b, cells).

        A metric that means nothing without both outcomes is NaN there.
        """
        lower = np.append(0.0, np.nextafter(np.array(self.bins.cuts), 2))[::-1]
        flagged, bought = (
            np.cumsum(np.hstack([np.zeros((len(each), 1)), each[:, ::-1]]), axis=1)
            for each in (sessions, purchases)
        )
        counts = Counts(np.append(np.inf, lower), flagged, bought)
        here = counts.at(self.threshold)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {
                RATE: (counts.purchases / counts.sessions)[:, 0],
                "pr_auc": counts.pr_auc,
                "roc_auc": counts.roc_auc,
                "precision": here.precision[:, 0],
                "recall": here.recall[:, 0],
                "flagged_rate": (here.flagged / counts.sessions)[:, 0],
                COST: here.cost(self.costs)[:, 0],
            }
        one_class = (counts.purchases == 0) | (counts.purchases == counts.sessions)
        for name in OF_BOTH_OUTCOMES:
            found[name] = np.where(one_class[:, 0], np.nan, found[name])
        return found


@dataclass(frozen=True)
class Calibration:
    """From log-odds of scores to log-odds of a purchase: a line that may bend at `KNOTS`.

    Attributes
    ----------
    coefficients : array of shape (2 + knots,)
        Intercept, slope, and by how much the slope changes at each knot.
    covariance : array of shape (2 + knots, 2 + knots)
        How sure they are.
    """

    coefficients: Floats
    covariance: Floats


AS_THEY_ARE: Final = Calibration(
    np.eye(2 + len(KNOTS))[1], np.zeros((2 + len(KNOTS), 2 + len(KNOTS)))
)


def calibrate(reference: Tally) -> Calibration | None:
    """Fit a calibration to reference sessions; None if too few of their outcomes are known.

    A logistic regression (Platt 1999) on log-odds and hinges. Changes of the slope have a normal
    prior of mean 0 and standard deviation `BEND`, so that few sessions give a line that hardly
    bends; the covariance is that of Laplace's approximation to the posterior.
    """
    purchases = reference.by_outcome[PURCHASE].astype(np.float64)
    sessions = purchases + reference.by_outcome[NO_PURCHASE]
    if min(purchases.sum(), (sessions - purchases).sum()) < FEWEST:
        return None
    given = _line(reference.bins)
    precision = np.diag([0.0, 0.0] + [1 / BEND**2] * len(KNOTS))

    def loss(at: Floats) -> tuple[float, Floats]:
        """Return the negative logarithm of the posterior, and its gradient."""
        odds, prior = at @ given, precision @ at
        value = sessions @ np.logaddexp(0, odds) - purchases @ odds + at @ prior / 2
        return float(value), given @ (sessions * special.expit(odds) - purchases) + prior

    def curvature(at: Floats) -> Floats:
        rate = special.expit(at @ given)
        found: Floats = (given * (sessions * rate * (1 - rate))) @ given.T + precision
        return found

    start = AS_THEY_ARE.coefficients
    found = optimize.minimize(loss, start, jac=True, hess=curvature, method="trust-exact")
    covariance: Floats = np.linalg.inv(curvature(found.x)).astype(np.float64)
    return Calibration(found.x, covariance)


def expected(
    sessions: Ints, calibration: Calibration | None, point: OperatingPoint, seed: int
) -> Quality | None:
    """Return what is expected from scores, with the interval in which realised figures would be.

    Parameters
    ----------
    sessions : array of shape (cells,)
        In each cell of the score.
    calibration
        From the reference; None takes scores for the rates of purchases that they say.
    point
        What figures need besides.
    seed
        Of the outcomes that are drawn.

    Returns
    -------
    dict or None
        None if there are too few sessions.

    Notes
    -----
    Outcomes are drawn from the calibrated scores, as the documentation of NannyML describes it,
    which calls the method CBPE. The calibration is drawn anew each time, since it is not known
    exactly: its uncertainty is part of the interval, that of the outcomes is the rest.
    """
    if sessions.sum() < FEWEST:
        return None
    random = np.random.default_rng(seed)
    known = calibration or AS_THEY_ARE
    drawn = random.multivariate_normal(known.coefficients, known.covariance, RESAMPLES)
    rates = special.expit(drawn @ _line(point.bins))
    purchases = random.binomial(sessions, rates).astype(np.float64)
    return _quality(point, np.broadcast_to(sessions.astype(np.float64), purchases.shape), purchases)


def realised(score: Tally, point: OperatingPoint, seed: int) -> Quality | None:
    """Return figures of sessions whose outcomes are known; None if these are too few.

    Intervals are those of the bootstrap.
    """
    known = of_known_outcome(score.by_outcome)
    if known.sum(axis=1).min() < FEWEST:
        return None
    random = np.random.default_rng(seed)
    drawn = random.multinomial(known.sum(), (known / known.sum()).ravel(), RESAMPLES)
    counts = drawn.reshape(RESAMPLES, *known.shape).astype(np.float64)
    found = _quality(point, counts.sum(axis=1), counts[:, PURCHASE])
    seen = point.metrics(known.sum(axis=0)[None].astype(float), known[[PURCHASE]].astype(float))
    return {
        name: Estimate(float(seen[name][0]), estimate.interval) for name, estimate in found.items()
    }


def _quality(point: OperatingPoint, sessions: Floats, purchases: Floats) -> Quality:
    """Return means and intervals; a metric that means nothing in most draws is left out."""
    found = {}
    for name, values in point.metrics(sessions, purchases).items():
        known = values[~np.isnan(values)]
        if len(known) > len(values) / 2:
            found[name] = Estimate(float(known.mean()), _bounds(known))
    return found


def _line(bins: Bins) -> Floats:
    """Return what coefficients of a calibration are multiplied with, (coefficients, cells)."""
    cuts = np.clip(special.logit(np.array(bins.cuts)), -FARTHEST, FARTHEST)
    middles = np.concatenate([cuts[:1], (cuts[1:] + cuts[:-1]) / 2, cuts[-1:]])
    hinges = [np.maximum(middles - knot, 0) for knot in KNOTS]
    return np.stack([np.ones(bins.size), middles, *hinges])


def _bounds(values: Floats) -> tuple[float, float]:
    low, high = interval(values)
    return low, high
