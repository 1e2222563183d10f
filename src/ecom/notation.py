"""How figures are written for people: the metrics' names, a figure with its interval, a table."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

COST: Final = "cost_per_1000_sessions"
METRIC_NAMES: Final = {
    "pr_auc": "PR-AUC",
    "roc_auc": "ROC-AUC",
    "brier": "Brier score",
    "log_loss": "log loss",
    "expected_calibration_error": "expected calibration error",
    "precision": "precision at the threshold",
    "recall": "recall at the threshold",
    "flagged_rate": "share of sessions flagged",
    COST: "cost of errors, € per 1,000 sessions",
    "precision_top_1": "precision in the top 1 %",
    "precision_top_5": "precision in the top 5 %",
    "precision_top_10": "precision in the top 10 %",
    "precision_top_20": "precision in the top 20 %",
    "lift_top_1": "lift in the top 1 %",
    "lift_top_5": "lift in the top 5 %",
    "lift_top_10": "lift in the top 10 %",
    "lift_top_20": "lift in the top 20 %",
}


def bracketed(found: Mapping[str, Any], name: str, metric: str) -> str:
    """Write a figure with its 95 % interval, if it has a width; a difference with its sign.

    Parameters
    ----------
    found
        Of `ecom.comparison.compare`.
    name, metric
        Of the figure in it.

    Examples
    --------
    >>> found = {
    ...     "a_minus_b": {"pr_auc": 0.1},
    ...     "intervals": {"a_minus_b": {"pr_auc": [-0.05, 0.25]}},
    ... }
    >>> bracketed(found, "a_minus_b", "pr_auc")
    '+0.100 (-0.050 to +0.250)'
    """
    form = ",.0f" if metric == COST else ",.3f"
    if "_minus_" in name:
        form = f"+{form}"
    low, high = found["intervals"][name][metric]
    figure = f"{found[name][metric]:{form}}"
    return figure if low == high else f"{figure} ({low:{form}} to {high:{form}})"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown.

    Examples
    --------
    >>> print(markdown_table(["", "PR-AUC"], [["baseline", "0.658"]]))
    |  | PR-AUC |
    |---|---|
    | baseline | 0.658 |
    """
    lines = [f"| {' | '.join(cells)} |" for cells in (headings, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(headings)}", *lines[1:]])
