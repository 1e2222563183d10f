"""Where a model fails: its metrics in parts of the sessions, and its most confident mistakes."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from ecom.evaluation import LABELS, count_flagged, ranking_metrics
from ecom.features import add_features
from ecom.params import Bootstrap
from ecom.resampling import Floats, interval, stratified_bootstrap

PAGES: Final = {0: "0 to 5", 6: "6 to 15", 16: "16 to 40", 41: "41 or more"}
SLICES: Final[Mapping[str, Callable[[pd.DataFrame], "pd.Series[Any]"]]] = {
    "VisitorType": lambda sessions: sessions["VisitorType"],
    "Month": lambda sessions: sessions["Month"],
    "Weekend": lambda sessions: sessions["Weekend"].map({0: "no", 1: "yes"}),
    "TrafficType": lambda sessions: sessions["TrafficType"],
    "Region": lambda sessions: sessions["Region"],
    "PageValues>0": lambda sessions: (sessions["PageValues"] > 0).map({False: "no", True: "yes"}),
    "pages": lambda sessions: pd.cut(
        add_features(sessions)["TotalPages"], [*PAGES, np.inf], right=False,
        labels=list(PAGES.values()),
    ),
}  # fmt: skip


def slice_metrics(  # noqa: PLR0913  all of what a slice is judged by
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    scores: Floats,
    *,
    threshold: float,
    small: int,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Judge scores within each slice.

    Parameters
    ----------
    sessions, labels, scores
        Raw sessions, their target and their probabilities of a purchase.
    threshold
        Scores from here on are flagged.
    small
        A slice with fewer purchases, or fewer others, is marked small.
    bootstrap
        Behind the interval of PR-AUC.

    Returns
    -------
    DataFrame
        A row per slice: ``slice`` and ``value``; ``sessions``, ``purchases``, ``base_rate``;
        ``pr_auc`` with its 95 % interval from ``low`` to ``high``, and ``above_chance``, the part
        of the way from the base rate, which is PR-AUC by chance, to 1 (Flach and Kull 2015 argue
        why PR-AUC alone cannot be compared between base rates); ``precision`` and ``recall`` at
        the threshold; ``mean_score``; ``calibration``, by how much that exceeds the base rate, and
        ``calibration_z``, in standard errors of the number of purchases that the scores expect
        (Spiegelhalter 1986); ``small``. What a slice of one class does not have is missing.
    """
    rows = []
    for name, values_of in SLICES.items():
        values = values_of(sessions)
        for value in sorted(values.unique(), key=_place(values)):
            chosen = (values == value).to_numpy()
            rows.append(
                {
                    "slice": name,
                    "value": str(value),
                    **_judge(labels[chosen], scores[chosen], threshold, small, bootstrap),
                }
            )
    return pd.DataFrame(rows)


def worst_slices(slices: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Name the slice that is ranked worst and the one that is calibrated worst, small ones aside.

    Parameters
    ----------
    slices
        Of `slice_metrics`.

    Returns
    -------
    dict
        ``ranking``: least ``above_chance``; ``calibration``: largest ``calibration_z`` either way.
        Each with the slice, its sessions and the figures; empty where all slices are small.
    """
    large = slices[~slices["small"]].reset_index(drop=True)
    if large.empty:
        return {}
    return {
        "ranking": _named(large, int(large["above_chance"].argmin()), "above_chance"),
        "calibration": _named(
            large, int(large["calibration_z"].abs().argmax()), "calibration", "calibration_z"
        ),
    }


def _named(slices: pd.DataFrame, place: int, *figures: str) -> dict[str, Any]:
    row = slices.to_dict("records")[place]
    return {
        "slice": f"{row['slice']}: {row['value']}",
        "sessions": row["sessions"],
        **{figure: row[figure] for figure in figures},
    }


def confident_mistakes(
    sessions: pd.DataFrame, labels: "pd.Series[int]", scores: Floats, count: int
) -> pd.DataFrame:
    """Return the sessions whose scores were most wrong.

    Parameters
    ----------
    sessions, labels, scores
        Raw sessions, their target and their probabilities of a purchase.
    count
        How many of each kind.

    Returns
    -------
    DataFrame
        `count` sessions without a purchase that score highest, then as many with one that score
        lowest: ``row`` in the clean data, ``actual``, ``score`` and the raw columns.
    """
    table = sessions.assign(score=scores, actual=labels).rename_axis("row").reset_index()
    ordered = table.sort_values(["score", "row"])
    mistakes = pd.concat(
        [
            ordered[ordered["actual"] == 0].iloc[::-1].head(count),
            ordered[ordered["actual"] == 1].head(count),
        ]
    )
    named = mistakes.assign(actual=LABELS[mistakes["actual"]])
    return named[["row", "actual", "score", *sessions.columns]].reset_index(drop=True)


def _place(values: "pd.Series[Any]") -> Callable[[Any], Any]:
    """Return the order of a slice's values: that of its categories, or their own."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return list(values.cat.categories).index
    return lambda value: value


def _judge(
    labels: "pd.Series[int]", scores: Floats, threshold: float, small: int, bootstrap: Bootstrap
) -> dict[str, Any]:
    sessions, purchases = len(labels), int(labels.sum())
    base_rate, mean_score = purchases / sessions, float(scores.mean())
    flagged = scores >= threshold
    caught = int(labels[flagged].sum())
    found: dict[str, Any] = {
        "sessions": sessions,
        "purchases": purchases,
        "base_rate": base_rate,
        "pr_auc": None,
        "low": None,
        "high": None,
        "above_chance": None,
        "precision": caught / flagged.sum() if flagged.any() else None,
        "recall": caught / purchases if purchases else None,
        "mean_score": mean_score,
        "calibration": mean_score - base_rate,
        "calibration_z": float((scores.sum() - purchases) / np.sqrt((scores * (1 - scores)).sum())),
        "small": min(purchases, sessions - purchases) < small,
    }
    if 0 < purchases < sessions:
        resampled = stratified_bootstrap(
            labels,
            lambda weights: {"pr_auc": count_flagged(labels, scores, weights).pr_auc},
            bootstrap,
        )
        pr_auc = ranking_metrics(labels, scores)["pr_auc"]
        found["pr_auc"] = pr_auc
        found["low"], found["high"] = interval(resampled["pr_auc"])
        found["above_chance"] = (pr_auc - base_rate) / (1 - base_rate)
    return found
