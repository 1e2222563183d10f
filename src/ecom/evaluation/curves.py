"""Tables to draw: curves of scores, and what thresholds on them give."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from ecom.evaluation.counts import Counts, Floats, count_flagged
from ecom.evaluation.metrics import bin_of
from ecom.evaluation.resampling import QUANTILES
from ecom.schema import CLASS_NAMES

if TYPE_CHECKING:
    from ecom.params.threshold import Costs

STEPS: Final = 200  # of the grid of thresholds


def curves(
    labels: ArrayLike, scores: Floats, threshold: float, costs: "Costs", bins: int
) -> dict[str, pd.DataFrame]:
    """Return the tables of this module, by the name of their plot.

    Parameters
    ----------
    labels, scores : arrays of shape (n,)
        1 for a purchase, 0 for none; probabilities of a purchase.
    threshold
        The threshold in use: scores of at least this are flagged.
    costs
        Costs of an error.
    bins
        Number of score bins, for reliability; the distribution of scores has twice as many.
    """
    return {
        "confusion": class_pairs(labels, scores, threshold),
        "cost": sweep(count_flagged(labels, scores), costs, threshold),
        "precision_recall": precision_recall_points(labels, scores),
        "reliability": reliability_points(labels, scores, bins),
        "roc": roc_points(labels, scores),
        "scores": score_distribution(labels, scores, 2 * bins),
    }


def confusion_counts(labels: ArrayLike, scores: ArrayLike, threshold: float) -> dict[str, int]:
    """Return the number of sessions of each actual class on either side of a threshold.

    Parameters
    ----------
    labels, scores : arrays of shape (n,)
        1 for a purchase, 0 for none; probabilities of a purchase.
    threshold
        Scores of at least this are flagged.

    Examples
    --------
    >>> confusion_counts([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9], threshold=0.5)
    {'true_negatives': 1, 'false_positives': 1, 'false_negatives': 0, 'true_positives': 2}
    """
    names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
    flagged = np.asarray(scores) >= threshold
    counts = confusion_matrix(labels, flagged, labels=[0, 1]).ravel().tolist()
    return dict(zip(names, counts, strict=True))


def roc_points(labels: ArrayLike, scores: ArrayLike) -> pd.DataFrame:
    """Return the corners of the ROC curve, from (0, 0) to (1, 1)."""
    false_positive_rate, true_positive_rate, _ = roc_curve(labels, scores, drop_intermediate=True)
    return pd.DataFrame(
        {"false_positive_rate": false_positive_rate, "true_positive_rate": true_positive_rate}
    )


def precision_recall_points(labels: ArrayLike, scores: ArrayLike) -> pd.DataFrame:
    """Return the corners of the precision-recall curve, from recall 0 to recall 1."""
    precision, recall, _ = precision_recall_curve(labels, scores, drop_intermediate=True)
    return pd.DataFrame({"recall": recall[::-1], "precision": precision[::-1]})


def class_pairs(labels: ArrayLike, scores: ArrayLike, threshold: float) -> pd.DataFrame:
    """Return the names of the actual and predicted class of each row, for a confusion plot."""
    names = np.array(CLASS_NAMES)
    predicted: NDArray[np.int64] = (np.asarray(scores) >= threshold).astype(int)
    return pd.DataFrame({"actual": names[np.asarray(labels)], "predicted": names[predicted]})


def reliability_points(labels: ArrayLike, scores: ArrayLike, bins: int) -> pd.DataFrame:
    """Return how often sessions of each score bin end in a purchase.

    Returns
    -------
    DataFrame
        A row for each bin that has sessions: ``mean_score``, ``purchase_rate`` with the 95 %
        interval of Wilson (1927) from ``low`` to ``high``, and ``sessions``.
    """
    from scipy.stats import binomtest

    table = pd.DataFrame({"bin": bin_of(scores, bins), "score": scores, "label": labels})
    groups = table.groupby("bin")
    counts = groups["label"].agg(["sum", "count"])
    intervals = [
        binomtest(int(row["sum"]), int(row["count"])).proportion_ci(
            confidence_level=QUANTILES[1] - QUANTILES[0], method="wilson"
        )
        for _, row in counts.iterrows()
    ]
    return pd.DataFrame(
        {
            "mean_score": groups["score"].mean(),
            "purchase_rate": groups["label"].mean(),
            "low": [interval.low for interval in intervals],
            "high": [interval.high for interval in intervals],
            "sessions": counts["count"],
        }
    ).reset_index(drop=True)


def score_distribution(labels: ArrayLike, scores: ArrayLike, bins: int) -> pd.DataFrame:
    """Return the share of each class's sessions in each score bin.

    Returns
    -------
    DataFrame of shape (2 * bins, 3)
        ``score``, the middle of a bin; ``share`` of the class's sessions; ``actual`` class.
    """
    in_bin, labels = bin_of(scores, bins), np.asarray(labels)
    middles = (np.arange(bins) + 0.5) / bins
    tables: list[dict[str, Any]] = [
        {
            "score": middles,
            "share": np.bincount(in_bin[labels == label], minlength=bins)
            / max(np.sum(labels == label), 1),
            "actual": name,
        }
        for label, name in enumerate(CLASS_NAMES)
    ]
    return pd.concat([pd.DataFrame(table) for table in tables], ignore_index=True)


def sweep(counts: Counts, costs: "Costs", chosen: float) -> pd.DataFrame:
    """Return what each threshold of an even grid from 0 to 1 gives.

    Returns
    -------
    DataFrame of shape (201, 9)
        ``threshold``, ``precision``, ``recall``, ``flagged_rate``, ``cost_per_1000_sessions``. The
        other columns repeat one value in each row, to be drawn beside them: ``flag_all`` and
        ``flag_none``, the costs of the two trivial policies; ``chosen``, the threshold in use; and
        ``break_even``.
    """
    cost = counts.cost(costs)[0]
    thresholds = np.arange(STEPS + 1) / STEPS
    # Thresholds descend: the last one that is not below a grid point flags the same sessions.
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
            "break_even": costs.break_even,
        }
    )
