"""Figures: what explains a model, how well models rank and flag.

Every figure is drawn in one style, which does not depend on the user's matplotlibrc.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.style import context
from numpy.typing import ArrayLike

from ecom.evaluation.counts import count_flagged
from ecom.schema import CLASS_NAMES, COLUMNS

# Colours that the colour-blind can tell apart.
TOWARDS: Final = "#c2410c"  # a purchase
AGAINST: Final = "#1d4ed8"
COMPARED: Final = ("#6b7280", "#1d4ed8")  # of the model to compare with, and of the one judged
REFERENCE: Final[Any] = {"color": "#9ca3af", "linestyle": ":", "linewidth": 1}
SKEWED: Final = 50  # a column whose maximum is this many medians gets a logarithmic scale
WIDTH: Final = 0.6  # of a category's points, where categories are 1 apart
TICK_ANGLE: Final = 45  # of a category's name
LARGEST: Final = 8  # contributions drawn one by one; the rest is summed
STYLE: Final[Any] = [
    "default",
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": "medium",
    },
]
GRID: Final[Any] = {"axes.grid": True, "grid.alpha": 0.25}
_ALLOWED: Final = {column.name: column.allowed for column in COLUMNS}


@contextmanager
def _figure(width: float, height: float, **style: Any) -> Iterator[Figure]:
    """Yield a figure to draw on, of a size in inches, in the style of all figures."""
    with context([*STYLE, style]):
        yield Figure(figsize=(width, height), layout="constrained")


def draw_importance(importance: "pd.Series[float]") -> Figure:
    """Draw the mean absolute contribution of each raw column as bars, the largest on top."""
    with _figure(5.4, 4.4) as figure:
        axes = figure.subplots()
        drawn = importance[::-1]
        bars = axes.barh(list(drawn.index), drawn.to_numpy(), color=AGAINST)
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize="small")
        axes.set_title("What moves the model's log-odds of a purchase")
        axes.set_xlabel("mean absolute contribution to the log-odds")
        return figure


def draw_dependence(points: pd.DataFrame) -> Figure:
    """Draw the contribution of each column against its value, one panel for each column.

    Parameters
    ----------
    points
        As from `ecom.models.explanation.dependence`.
    """
    names = list(dict.fromkeys(points["column"]))
    across = min(2, len(names))
    down = -(-len(names) // across)
    with _figure(2.7 * across, 2.2 * down) as figure:
        panels = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
        for name, axes in zip(names, panels, strict=False):
            _draw_panel(axes, name, points[points["column"] == name])
        for axes in panels[len(names) :]:
            axes.set_visible(False)
        figure.supylabel("contribution to the log-odds of a purchase")
        return figure


def _draw_panel(axes: Any, name: str, points: pd.DataFrame) -> None:
    contributions = points["contribution"].to_numpy()
    values = points["value"]
    if _ALLOWED[name]:
        present = [value for value in _ALLOWED[name] if value in set(values)]
        centres = values.map({value: place for place, value in enumerate(present)}).to_numpy(float)
        # Spread the points of a category evenly, in the order of the rows, not at random.
        groups = values.groupby(values.to_numpy())
        spread = (groups.cumcount() + 0.5) / groups.transform("size") - 0.5
        places = centres + WIDTH * spread.to_numpy()
        axes.set_xticks(range(len(present)), present, fontsize="small", rotation=TICK_ANGLE)
    else:
        places = values.to_numpy(float)
        if places.max() > SKEWED * max(float(np.median(places)), 1):
            axes.set_xscale("symlog", linthresh=1)
    axes.scatter(places, contributions, s=4, alpha=0.3, color=AGAINST, rasterized=True, linewidth=0)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_title(name)


def draw_sessions(table: pd.DataFrame) -> Figure:
    """Draw the largest contributions to each session's log-odds, one panel for each session.

    Parameters
    ----------
    table
        As from `ecom.models.explanation.contributions_of`.
    """
    names = list(dict.fromkeys(table["session"]))
    with _figure(5.4, 2.7 * len(names)) as figure:
        panels = figure.subplots(len(names), squeeze=False).ravel()
        for name, axes in zip(names, panels, strict=True):
            rows = table[table["session"] == name]
            base = rows[rows["column"] == "base"]["contribution"].item()
            causes = rows[rows["column"] != "base"]
            log_odds = base + causes["contribution"].sum()
            rest = causes.iloc[LARGEST:]["contribution"]
            labels = [f"the other {len(rest)}"] if len(rest) else []
            labels += [
                f"{row.column} = {_shortened(row.value)}"
                for row in causes.iloc[:LARGEST].itertuples()
            ][::-1]
            values = np.array(
                ([rest.sum()] if len(rest) else [])
                + list(causes.iloc[:LARGEST]["contribution"])[::-1]
            )
            bars = axes.barh(labels, values, color=np.where(values > 0, TOWARDS, AGAINST))
            axes.bar_label(bars, fmt="%+.2f", padding=3, fontsize="small")
            axes.axvline(0, color="black", linewidth=0.8)
            axes.margins(x=0.25)
            axes.set_title(
                f"{name}\nfrom {base:+.2f} to {log_odds:+.2f}, "
                f"a probability of {1 / (1 + np.exp(-log_odds)):.1%}"
            )
        axes.set_xlabel("contribution to the log-odds of a purchase")
        return figure


def _shortened(value: str) -> str:
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value


def draw_curves(
    labels: ArrayLike, scores: Mapping[str, ArrayLike], thresholds: Mapping[str, float]
) -> Figure:
    """Draw precision over recall, and ROC, of two models, with their operating points.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    scores, thresholds
        By the model's name, the one to compare with first; scores are of shape (n,).
    """
    rate = float(np.mean(np.asarray(labels)))
    with _figure(10, 4.4, **GRID) as figure:
        precision_recall, roc = figure.subplots(1, 2)
        precision_recall.axhline(rate, **REFERENCE)
        roc.plot([0, 1], [0, 1], **REFERENCE)
        for (name, model_scores), colour in zip(scores.items(), COMPARED, strict=True):
            counts = count_flagged(labels, model_scores)
            line: dict[str, Any] = {"color": colour, "linewidth": 1.5}
            drawn = counts.flagged[0] > 0  # precision needs flagged sessions
            precision_recall.step(
                counts.recall[0, drawn],
                counts.precision[0, drawn],
                where="pre",
                label=f"{name}, PR-AUC {counts.pr_auc[0]:.4f}",
                **line,
            )
            roc.plot(
                counts.false_positive_rate[0],
                counts.recall[0],
                label=f"{name}, ROC-AUC {counts.roc_auc[0]:.4f}",
                **line,
            )
            point = counts.at(thresholds[name])
            recall, precision = point.recall[0, 0], point.precision[0, 0]
            precision_recall.plot(recall, precision, "o", color=colour, markersize=7)
            roc.plot(point.false_positive_rate[0, 0], recall, "o", color=colour, markersize=7)
        precision_recall.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        precision_recall.set_title("Precision and recall (dots: at the threshold)")
        roc.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1))
        roc.set(ylim=(0, 1.02), title="ROC")
        precision_recall.legend(loc="lower left", frameon=False)
        roc.legend(loc="lower right", frameon=False)
        return figure


def draw_confusion(matrix: Mapping[str, Any], title: str) -> Figure:
    """Draw the number of sessions of each class on either side of the threshold.

    Parameters
    ----------
    matrix
        As from `ecom.evaluation.curves.confusion_counts`.
    title
        Title of the figure.
    """
    counts = np.array(
        [
            [matrix["true_negatives"], matrix["false_positives"]],
            [matrix["false_negatives"], matrix["true_positives"]],
        ]
    )
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    with _figure(4.6, 3.8) as figure:
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.3)
        for (row, column), count in np.ndenumerate(counts):
            text = f"{count:,}\n{shares[row, column]:.0%}"
            axes.text(column, row, text, ha="center", va="center")
        axes.set_xticks([0, 1], ["not flagged", "flagged"])
        axes.set_yticks([0, 1], list(CLASS_NAMES), rotation=90, va="center")
        axes.set_title(title)
        return figure
