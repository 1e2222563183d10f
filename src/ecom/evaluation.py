"""How good scores are: metrics at a glance, and the curves behind them."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_curve,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)

LABELS = np.array(["no purchase", "purchase"])


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


def binary_metrics(labels: ArrayLike, scores: ArrayLike, threshold: float) -> dict[str, Any]:
    """Return ranking metrics, and those of calling scores from `threshold` on a purchase.

    Precision is 0 where no score reaches the threshold.

    Examples
    --------
    >>> metrics = binary_metrics([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9], threshold=0.5)
    >>> metrics["confusion_matrix"]
    {'true_negatives': 1, 'false_positives': 1, 'false_negatives': 0, 'true_positives': 2}
    """
    predicted = np.asarray(scores) >= threshold
    cells = confusion_matrix(labels, predicted, labels=[0, 1]).ravel()
    names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
    return {
        **ranking_metrics(labels, scores),
        "threshold": threshold,
        "precision": float(precision_score(labels, predicted, zero_division=0)),
        "recall": float(recall_score(labels, predicted)),
        "confusion_matrix": {name: int(cell) for name, cell in zip(names, cells, strict=True)},
    }


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
    """Return actual and predicted class of each row in words, as a confusion plot counts them."""
    predicted: NDArray[np.int64] = (np.asarray(scores) >= threshold).astype(int)
    return pd.DataFrame({"actual": LABELS[np.asarray(labels)], "predicted": LABELS[predicted]})
