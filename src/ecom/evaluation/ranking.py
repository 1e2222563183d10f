"""The two metrics that models are selected by."""

from typing import Final

from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score

SCORING: Final = {"pr_auc": "average_precision", "roc_auc": "roc_auc"}  # names in scikit-learn


def ranking_metrics(labels: ArrayLike, scores: ArrayLike) -> dict[str, float]:
    """Return PR-AUC (average precision, without interpolation) and ROC-AUC.

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
