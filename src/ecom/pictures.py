"""Pictures of how well models rank and flag: curves side by side, a confusion matrix."""

from collections.abc import Mapping
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ecom.evaluation import LABELS, count_flagged

COLOURS: Final = ("#6b7280", "#1d4ed8")  # of the one that is held against, of the one judged
STYLE: Final[Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "axes.grid": True,
    "grid.alpha": 0.25,
}


def draw_curves(
    labels: ArrayLike, scores: Mapping[str, ArrayLike], thresholds: Mapping[str, float]
) -> Figure:
    """Draw precision over recall, and ROC, of two models, with their operating points.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    scores, thresholds
        By the model's name, the one that is held against first; scores are of shape (n,).
    """
    rate = float(np.mean(np.asarray(labels)))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 4.4), layout="constrained")
        precision_recall, roc = figure.subplots(1, 2)
        precision_recall.axhline(rate, color="#9ca3af", linestyle=":", linewidth=1)
        roc.plot([0, 1], [0, 1], color="#9ca3af", linestyle=":", linewidth=1)
        for (name, of), colour in zip(scores.items(), COLOURS, strict=True):
            counts = count_flagged(labels, of)
            others = counts.sessions - counts.purchases
            false_positive = (counts.flagged - counts.caught)[0] / others[0]
            recall, precision = counts.recall[0], counts.precision[0]
            drawn = counts.flagged[0] > 0  # none flagged has no precision
            precision_recall.step(
                recall[drawn], precision[drawn], where="pre", color=colour, linewidth=1.5,
                label=f"{name}, PR-AUC {counts.pr_auc[0]:.4f}",
            )  # fmt: skip
            roc.plot(
                false_positive, recall, color=colour, linewidth=1.5,
                label=f"{name}, ROC-AUC {counts.roc_auc[0]:.4f}",
            )  # fmt: skip
            point = counts.at(thresholds[name])
            at = (point.recall[0, 0], point.precision[0, 0])
            wrongly = (point.flagged - point.caught)[0, 0] / others[0, 0]
            precision_recall.plot(*at, "o", color=colour, markersize=7)
            roc.plot(wrongly, at[0], "o", color=colour, markersize=7)
        precision_recall.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        precision_recall.set_title("Precision and recall (dots: at the threshold)")
        roc.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1))
        roc.set(ylim=(0, 1.02), title="ROC")
        precision_recall.legend(loc="lower left", frameon=False)
        roc.legend(loc="lower right", frameon=False)
        return figure


def draw_confusion(matrix: Mapping[str, int], title: str) -> Figure:
    """Draw the number of sessions of each class on either side of the threshold.

    Parameters
    ----------
    matrix
        Of `ecom.evaluation.confusion_matrix`.
    title
        Of the picture.
    """
    counts = np.array(
        [
            [matrix["true_negatives"], matrix["false_positives"]],
            [matrix["false_negatives"], matrix["true_positives"]],
        ]
    )
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    with mpl.rc_context(STYLE | {"axes.grid": False}):
        figure = Figure(figsize=(4.6, 3.8), layout="constrained")
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.3)
        for (row, column), count in np.ndenumerate(counts):
            text = f"{count:,}\n{shares[row, column]:.0%}"
            axes.text(column, row, text, ha="center", va="center")
        axes.set_xticks([0, 1], ["not flagged", "flagged"])
        axes.set_yticks([0, 1], list(LABELS), rotation=90, va="center")
        axes.set_title(title)
        return figure
