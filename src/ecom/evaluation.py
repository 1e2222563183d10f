"""How good scores are: metrics of the rows as they are, or of many resamples at once.

Resamples are weights: one row per resample, one column per session, how often it was drawn. Every
metric is computed for all of them by sums, so that an interval costs little more than the metric.
The tests hold each against scikit-learn's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from ecom.params import Costs

Floats = NDArray[np.float64]

LABELS = np.array(["no purchase", "purchase"])  # the classes 0 and 1, in words
NONE = float(np.nextafter(1, 2))  # threshold that flags no session, whatever its score
TOP_SHARES = (1, 5, 10, 20)  # per cent of the sessions, those that score highest
SMALLEST = 1e-15  # probabilities nearer to 0 or 1 count as this near in the log loss


def ranking_metrics(labels: ArrayLike, scores: ArrayLike) -> dict[str, float]:
    """Return PR-AUC (as average precision, without interpolation) and ROC-AUC.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none; both occur.
    scores : array of shape (n,)
        The higher, the likelier a purchase.
    """
    return {
        "pr_auc": float(average_precision_score(labels, scores)),
        "roc_auc": float(roc_auc_score(labels, scores)),
    }


@dataclass(frozen=True)
class Counts:
    """What is flagged at each threshold, in each of b resamples.

    Attributes
    ----------
    thresholds : array of shape (m,)
        From `NONE`, above every probability, down each distinct score to 0, which
        flags all.
    flagged, caught : array of shape (b, m)
        Sessions, and purchases among them, whose score reaches the threshold.
    """

    thresholds: Floats
    flagged: Floats
    caught: Floats

    @property
    def sessions(self) -> Floats:
        """All sessions, of shape (b, 1)."""
        return self.flagged[:, -1:]

    @property
    def purchases(self) -> Floats:
        """All purchases, of shape (b, 1)."""
        return self.caught[:, -1:]

    @property
    def precision(self) -> Floats:
        """Share of purchases among the flagged; 0 where none is flagged."""
        return self.caught / np.maximum(self.flagged, 1)

    @property
    def recall(self) -> Floats:
        """Share of the purchases that is flagged."""
        return self.caught / self.purchases

    @property
    def pr_auc(self) -> Floats:
        """Average precision of each resample, of shape (b,)."""
        steps = np.diff(self.caught, axis=1) * self.precision[:, 1:]
        area: Floats = np.sum(steps, axis=1) / self.purchases[:, 0]
        return area

    @property
    def roc_auc(self) -> Floats:
        """Share of the pairs of purchase and other that are in order, ties half; shape (b,)."""
        wrongly = np.diff(self.flagged - self.caught, axis=1)
        before = (self.caught[:, 1:] + self.caught[:, :-1]) / 2
        pairs = self.purchases * (self.sessions - self.purchases)
        area: Floats = np.sum(wrongly * before, axis=1) / pairs[:, 0]
        return area

    def cost(self, costs: Costs) -> Floats:
        """Return the cost of the errors per 1000 sessions, in the currency of `costs`; (b, m)."""
        wrongly = (self.flagged - self.caught) * costs.false_positive
        missed = (self.purchases - self.caught) * costs.false_negative
        return 1000 * (wrongly + missed) / self.sessions

    def at(self, threshold: float | Floats) -> "Counts":
        """Return the column of one threshold, which need not be among `thresholds`, and of 0.

        An array of shape (b,) gives each resample a threshold of its own.
        """
        each = np.broadcast_to(threshold, len(self.flagged))
        reached = np.searchsorted(-self.thresholds, -each, side="right") - 1
        columns = np.stack([np.maximum(reached, 0), np.full(len(each), -1)], axis=1)
        return Counts(
            np.array([each[0], 0.0]),
            np.take_along_axis(self.flagged, columns, axis=1),
            np.take_along_axis(self.caught, columns, axis=1),
        )


def count_flagged(labels: ArrayLike, scores: ArrayLike, weights: Floats | None = None) -> Counts:
    """Count what each threshold flags.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    scores : array of shape (n,)
        Probabilities of a purchase.
    weights : array of shape (b, n)
        How often each session counts, in each of b resamples; without, once.

    Examples
    --------
    >>> counts = count_flagged([0, 0, 1, 1], [0.1, 0.6, 0.6, 0.9])
    >>> counts.flagged
    array([[0., 1., 3., 4., 4.]])
    >>> counts.caught
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
    caught = np.cumsum(weights[:, order] * labels[order], axis=1)[:, last_of_equals]
    return Counts(
        np.concatenate([[NONE], ordered[last_of_equals], [0.0]]),
        np.hstack([none, flagged, flagged[:, -1:]]),
        np.hstack([none, caught, caught[:, -1:]]),
    )


def score_metrics(
    labels: ArrayLike, scores: ArrayLike, *, bins: int, weights: Floats | None = None
) -> dict[str, Floats]:
    """Return the metrics of scores that no threshold enters.

    Parameters
    ----------
    labels, scores, weights
        As for `count_flagged`; both classes occur in each resample.
    bins
        Of equal width between 0 and 1, for the expected calibration error (Naeini et al. 2015).

    Returns
    -------
    dict of arrays of shape (b,)
        ``pr_auc`` and ``roc_auc`` as in `ranking_metrics`; ``brier`` and ``log_loss``, means over
        the sessions; ``expected_calibration_error``; ``precision_top_5`` among the 5 % that score
        highest, where sessions that tie at the edge count in part, and ``lift_top_5``, that
        precision as a multiple of the base rate; likewise for the other `TOP_SHARES`.
    """
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if weights is None:
        weights = np.ones((1, len(labels)))
    counts = count_flagged(labels, scores, weights)
    sessions, purchases = counts.sessions[:, 0], counts.purchases[:, 0]
    surprise = -np.log(np.clip(np.where(labels == 1, scores, 1 - scores), SMALLEST, 1))
    in_bin = np.eye(bins)[bin_of(scores, bins)]
    gaps = np.abs(weights @ (in_bin * (labels - scores)[:, None]))
    metrics = {
        "pr_auc": counts.pr_auc,
        "roc_auc": counts.roc_auc,
        "brier": weights @ (scores - labels) ** 2 / sessions,
        "log_loss": weights @ surprise / sessions,
        "expected_calibration_error": gaps.sum(axis=1) / sessions,
    }
    for share in TOP_SHARES:
        precision = _caught_of_first(counts, share / 100) / (share / 100 * sessions)
        metrics[f"precision_top_{share}"] = precision
        metrics[f"lift_top_{share}"] = precision / (purchases / sessions)
    return metrics


def operating_metrics(counts: Counts, threshold: float | Floats, costs: Costs) -> dict[str, Floats]:
    """Return the metrics of flagging scores from a threshold on.

    Parameters
    ----------
    counts
        Of b resamples.
    threshold
        Scores from here on are flagged; of shape (b,), each resample's own.
    costs
        Of an error.

    Returns
    -------
    dict of arrays of shape (b,)
        ``precision`` (0 where none is flagged), ``recall``, ``flagged_rate`` and
        ``cost_per_1000_sessions``, in the currency of `costs`.
    """
    point = counts.at(threshold)
    return {
        "precision": point.precision[:, 0],
        "recall": point.recall[:, 0],
        "flagged_rate": point.flagged[:, 0] / point.sessions[:, 0],
        "cost_per_1000_sessions": point.cost(costs)[:, 0],
    }


def trivial_costs(counts: Counts, costs: Costs) -> dict[str, Floats]:
    """Return what flagging every session costs per 1000 sessions, and what flagging none does.

    Parameters
    ----------
    counts
        Of b resamples.
    costs
        Of an error.

    Returns
    -------
    dict of arrays of shape (b,)
        ``flag_all`` and ``flag_none``.
    """
    curve = counts.cost(costs)
    return {"flag_all": curve[:, -1], "flag_none": curve[:, 0]}


def confusion_matrix(labels: ArrayLike, scores: ArrayLike, threshold: float) -> dict[str, int]:
    """Return the number of sessions of each actual class on either side of a threshold.

    Parameters
    ----------
    labels, scores : arrays of shape (n,)
        1 for a purchase, 0 for none; probabilities of a purchase.
    threshold
        Scores from here on are flagged.

    Examples
    --------
    >>> confusion_matrix([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9], threshold=0.5)
    {'true_negatives': 1, 'false_positives': 1, 'false_negatives': 0, 'true_positives': 2}
    """
    flagged, actual = np.asarray(scores) >= threshold, np.asarray(labels) == 1
    return {
        "true_negatives": int(np.sum(~flagged & ~actual)),
        "false_positives": int(np.sum(flagged & ~actual)),
        "false_negatives": int(np.sum(~flagged & actual)),
        "true_positives": int(np.sum(flagged & actual)),
    }


def only(metrics: Mapping[str, Floats]) -> dict[str, float]:
    """Return the metrics of the rows as they are, which stand in arrays of length 1."""
    return {name: float(values[0]) for name, values in metrics.items()}


def bin_of(scores: ArrayLike, bins: int) -> NDArray[np.int64]:
    """Return the number of each score's bin, of `bins` of equal width between 0 and 1."""
    return np.minimum((np.asarray(scores) * bins).astype(np.int64), bins - 1)


def _caught_of_first(counts: Counts, share: float) -> Floats:
    """Return the purchases among the share of sessions that score highest, in each resample."""
    wanted = share * counts.sessions
    after = np.sum(counts.flagged < wanted, axis=1)[:, None]
    end, begin = (
        (
            np.take_along_axis(counts.flagged, place, axis=1),
            np.take_along_axis(counts.caught, place, axis=1),
        )
        for place in (after, after - 1)
    )
    part = (wanted - begin[0]) / (end[0] - begin[0])
    caught: Floats = (begin[1] + part * (end[1] - begin[1]))[:, 0]
    return caught
