"""What each threshold flags: counts that every metric of scores is a sum of.

Resamples are weights: a row for each resample, a column for each session, and in it how often the
session was drawn. All resamples are counted at once, so an interval costs little more than the
metric.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ecom.params.threshold import Costs

Floats = NDArray[np.float64]

FLAG_NONE: Final = float(np.nextafter(1, 2))  # threshold above every probability: flags no session


@dataclass(frozen=True)
class Counts:
    """What is flagged at each of m thresholds, in each of b resamples.

    Attributes
    ----------
    thresholds : array of shape (m,)
        From `FLAG_NONE` down each distinct score to 0, which flags every session.
    flagged, true_positives : array of shape (b, m)
        Sessions, and purchases among them, whose score reaches the threshold.
    """

    thresholds: Floats
    flagged: Floats
    true_positives: Floats

    @property
    def sessions(self) -> Floats:
        """All sessions, of shape (b, 1)."""
        return self.flagged[:, -1:]

    @property
    def purchases(self) -> Floats:
        """All purchases, of shape (b, 1)."""
        return self.true_positives[:, -1:]

    @property
    def false_positives(self) -> Floats:
        """Flagged sessions without a purchase, of shape (b, m)."""
        return self.flagged - self.true_positives

    @property
    def precision(self) -> Floats:
        """Share of purchases among the flagged sessions; 0 where no session is flagged."""
        return self.true_positives / np.maximum(self.flagged, 1)

    @property
    def recall(self) -> Floats:
        """Share of the purchases that are flagged."""
        return self.true_positives / self.purchases

    @property
    def false_positive_rate(self) -> Floats:
        """Share of the sessions without a purchase that are flagged."""
        return self.false_positives / (self.sessions - self.purchases)

    @property
    def pr_auc(self) -> Floats:
        """Average precision of each resample, of shape (b,)."""
        steps = np.diff(self.true_positives, axis=1) * self.precision[:, 1:]
        area: Floats = np.sum(steps, axis=1) / self.purchases[:, 0]
        return area

    @property
    def roc_auc(self) -> Floats:
        """Share of the pairs of a purchase and another session in order, ties half; shape (b,)."""
        wrongly = np.diff(self.false_positives, axis=1)
        before = (self.true_positives[:, 1:] + self.true_positives[:, :-1]) / 2
        pairs = self.purchases * (self.sessions - self.purchases)
        area: Floats = np.sum(wrongly * before, axis=1) / pairs[:, 0]
        return area

    def cost(self, costs: "Costs") -> Floats:
        """Return the cost of the errors per 1000 sessions, in the currency of `costs`; (b, m)."""
        wrongly = self.false_positives * costs.false_positive
        missed = (self.purchases - self.true_positives) * costs.false_negative
        return 1000 * (wrongly + missed) / self.sessions

    def at(self, threshold: float | Floats) -> "Counts":
        """Return the counts at one threshold, which need not be among `thresholds`, and at 0.

        An array of shape (b,) gives each resample a threshold of its own.
        """
        each = np.broadcast_to(threshold, len(self.flagged))
        reached = np.searchsorted(-self.thresholds, -each, side="right") - 1
        columns = np.stack([np.maximum(reached, 0), np.full(len(each), -1)], axis=1)
        return Counts(
            np.array([each[0], 0.0]),
            np.take_along_axis(self.flagged, columns, axis=1),
            np.take_along_axis(self.true_positives, columns, axis=1),
        )

    def purchases_in_top(self, share: float) -> Floats:
        """Return the purchases among the share of sessions that score highest; shape (b,).

        Sessions that tie at the edge count in part.
        """
        wanted = share * self.sessions
        after = np.sum(self.flagged < wanted, axis=1)[:, None]
        before = after - 1
        flagged, purchases = (
            [np.take_along_axis(counts, places, axis=1) for places in (before, after)]
            for counts in (self.flagged, self.true_positives)
        )
        part = (wanted - flagged[0]) / (flagged[1] - flagged[0])
        found: Floats = (purchases[0] + part * (purchases[1] - purchases[0]))[:, 0]
        return found


def count_flagged(labels: ArrayLike, scores: ArrayLike, weights: Floats | None = None) -> Counts:
    """Count what each threshold flags.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    scores : array of shape (n,)
        Probabilities of a purchase.
    weights : array of shape (b, n)
        How often each session counts, in each of b resamples. The default is once, in one.

    Examples
    --------
    >>> counts = count_flagged([0, 0, 1, 1], [0.1, 0.6, 0.6, 0.9])
    >>> counts.flagged
    array([[0., 1., 3., 4., 4.]])
    >>> counts.true_positives
    array([[0., 1., 2., 2., 2.]])
    """
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if weights is None:
        weights = np.ones((1, len(labels)))
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last_of_equals = np.append(ordered[1:] != ordered[:-1], True)
    none = np.zeros((len(weights), 1))
    flagged = np.cumsum(weights[:, order], axis=1)[:, last_of_equals]
    purchases = np.cumsum(weights[:, order] * labels[order], axis=1)[:, last_of_equals]
    return Counts(
        np.concatenate([[FLAG_NONE], ordered[last_of_equals], [0.0]]),
        np.hstack([none, flagged, flagged[:, -1:]]),
        np.hstack([none, purchases, purchases[:, -1:]]),
    )
