"""Where a model fails: its metrics in parts of the sessions, and its most confident mistakes."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ecom.evaluation.counts import Floats, count_flagged
from ecom.evaluation.ranking import ranking_metrics
from ecom.evaluation.resampling import bootstrapped, interval
from ecom.features import add_features
from ecom.schema import CLASS_NAMES

if TYPE_CHECKING:
    from ecom.params.bootstrap import Bootstrap

PAGES: Final = {0: "0 to 5", 6: "6 to 15", 16: "16 to 40", 41: "41 or more"}  # by lowest count
SLICES: Final[Mapping[str, Callable[[pd.DataFrame], "pd.Series[Any]"]]] = {
    "VisitorType": lambda sessions: sessions["VisitorType"],
    "Month": lambda sessions: sessions["Month"],
    "Weekend": lambda sessions: sessions["Weekend"].map({0: "no", 1: "yes"}),
    "TrafficType": lambda sessions: sessions["TrafficType"],
    "Region": lambda sessions: sessions["Region"],
    "PageValues>0": lambda sessions: (sessions["PageValues"] > 0).map({False: "no", True: "yes"}),
    "pages": lambda sessions: pd.cut(
        add_features(sessions)["TotalPages"],
        [*PAGES, np.inf],
        right=False,
        labels=list(PAGES.values()),
    ),
}


def slice_metrics(  # noqa: PLR0913  all that a slice is judged by
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    scores: Floats,
    *,
    threshold: float,
    small: int,
    bootstrap: "Bootstrap",
) -> pd.DataFrame:
    """Judge scores within each slice.

    Parameters
    ----------
    sessions, labels, scores
        Raw sessions, their target and their probabilities of a purchase.
    threshold
        Scores of at least this are flagged.
    small
        A slice with fewer purchases, or fewer other sessions, is marked small.
    bootstrap
        Number of resamples for the interval of PR-AUC, and seed.

    Returns
    -------
    DataFrame
        A row per slice: ``slice`` and ``value``; ``sessions``, ``purchases``, ``base_rate``;
        ``pr_auc`` with its 95 % interval from ``low`` to ``high``; ``above_chance``, how far PR-AUC
        gets from the base rate, which chance reaches, to 1 (Flach and Kull 2015 argue why PR-AUC
        alone cannot be compared between base rates); ``precision`` and ``recall`` at the
        threshold; ``mean_score``; ``calibration``, the mean score minus the base rate, and
        ``calibration_z``, the same in standard errors of the number of purchases that the scores
        predict (Spiegelhalter 1986); ``small``. A slice of one class has missing values.
    """
    rows = []
    for name, values_of in SLICES.items():
        values = values_of(sessions)
        for value in sorted(values.unique(), key=_sort_key(values)):
            chosen = (values == value).to_numpy()
            judged = _judge(labels[chosen], scores[chosen], threshold, small, bootstrap)
            rows.append({"slice": name, "value": str(value), **judged})
    return pd.DataFrame(rows)


def worst_slices(slices: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Name the slice with the worst ranking and the one with the worst calibration.

    Parameters
    ----------
    slices
        As from `slice_metrics`. Small slices are ignored.

    Returns
    -------
    dict
        ``ranking``: lowest ``above_chance``; ``calibration``: largest absolute ``calibration_z``.
        Each with the slice, its sessions and the figures. Empty if all slices are small.
    """
    large = slices[~slices["small"]].reset_index(drop=True)
    if large.empty:
        return {}
    return {
        "ranking": _describe(large, int(large["above_chance"].argmin()), "above_chance"),
        "calibration": _describe(
            large, int(large["calibration_z"].abs().argmax()), "calibration", "calibration_z"
        ),
    }


def _describe(slices: pd.DataFrame, place: int, *figures: str) -> dict[str, Any]:
    row = slices.to_dict("records")[place]
    return {
        "slice": f"{row['slice']}: {row['value']}",
        "sessions": row["sessions"],
        **{figure: row[figure] for figure in figures},
    }


def confident_mistakes(
    sessions: pd.DataFrame, labels: "pd.Series[int]", scores: Floats, count: int
) -> pd.DataFrame:
    """Return the sessions whose scores were furthest from their label.

    Parameters
    ----------
    sessions, labels, scores
        Raw sessions, their target and their probabilities of a purchase.
    count
        How many sessions of each class.

    Returns
    -------
    DataFrame
        The `count` sessions without a purchase that score highest, then the `count` sessions with
        a purchase that score lowest: ``row`` in the clean data, ``actual``, ``score`` and the raw
        columns.
    """
    table = sessions.assign(score=scores, actual=labels).rename_axis("row").reset_index()
    ordered = table.sort_values(["score", "row"])
    mistakes = pd.concat(
        [
            ordered[ordered["actual"] == 0].iloc[::-1].head(count),
            ordered[ordered["actual"] == 1].head(count),
        ]
    )
    named = mistakes.assign(actual=np.array(CLASS_NAMES)[mistakes["actual"]])
    return named[["row", "actual", "score", *sessions.columns]].reset_index(drop=True)


def _sort_key(values: "pd.Series[Any]") -> Callable[[Any], Any]:
    """Return the key that sorts a slice's values: by category if it has categories."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return list(values.cat.categories).index
    return lambda value: value


def _judge(
    labels: "pd.Series[int]", scores: Floats, threshold: float, small: int, bootstrap: "Bootstrap"
) -> dict[str, Any]:
    sessions, purchases = len(labels), int(labels.sum())
    base_rate, mean_score = purchases / sessions, float(scores.mean())
    flagged = scores >= threshold
    true_positives = int(labels[flagged].sum())
    found: dict[str, Any] = {
        "sessions": sessions,
        "purchases": purchases,
        "base_rate": base_rate,
        "pr_auc": None,
        "low": None,
        "high": None,
        "above_chance": None,
        "precision": true_positives / flagged.sum() if flagged.any() else None,
        "recall": true_positives / purchases if purchases else None,
        "mean_score": mean_score,
        "calibration": mean_score - base_rate,
        "calibration_z": float((scores.sum() - purchases) / np.sqrt((scores * (1 - scores)).sum())),
        "small": min(purchases, sessions - purchases) < small,
    }
    if 0 < purchases < sessions:
        resampled = bootstrapped(
            labels,
            lambda weights: {"pr_auc": count_flagged(labels, scores, weights).pr_auc},
            bootstrap,
        )
        pr_auc = ranking_metrics(labels, scores)["pr_auc"]
        found["pr_auc"] = pr_auc
        found["low"], found["high"] = interval(resampled["pr_auc"])
        found["above_chance"] = (pr_auc - base_rate) / (1 - base_rate)
    return found
