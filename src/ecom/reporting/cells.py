"""Cells of tables: a metric's name, and a figure with its interval."""

from collections.abc import Mapping
from typing import Any

from ecom.evaluation.metrics import METRICS


def metric_name(metric: str) -> str:
    """Return the name of a metric for people."""
    return METRICS[metric].words


def with_interval(found: Mapping[str, Any], name: str, metric: str) -> str:
    """Write a figure with its 95 % interval, if it has one of a width; a difference with its sign.

    Parameters
    ----------
    found
        Metrics of models and of their differences, as from `ecom.evaluation.comparison.compare`.
    name, metric
        Which of them.

    Examples
    --------
    >>> found = {
    ...     "a_minus_b": {"pr_auc": 0.1},
    ...     "intervals": {"a_minus_b": {"pr_auc": [-0.05, 0.25]}},
    ... }
    >>> with_interval(found, "a_minus_b", "pr_auc")
    '+0.100 (-0.050 to +0.250)'
    """
    form = f"{'+' if '_minus_' in name else ''},.{METRICS[metric].decimals}f"
    figure = f"{found[name][metric]:{form}}"
    low, high = found["intervals"][name].get(metric, (0, 0))
    return figure if low == high else f"{figure} ({low:{form}} to {high:{form}})"
