"""How figures read: a metric's name, a figure with its interval, how many rows are enough."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecom.evaluation.metrics import METRICS

if TYPE_CHECKING:
    from ecom.results import LearningCurveResults


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


def enough_rows(curve: "LearningCurveResults") -> str:
    """Return from how many rows on more are not worth having, as a sentence."""
    found = curve["enough"]
    low, high = found["interval"]
    beyond = ", more than there are" if found["rows"] > found["rows_here"] else ""
    return (
        f"Twice the rows add less than {found['worth']:g} from about {found['rows']:,} "
        f"({low:,} to {high:,}) on{beyond}"
    )
