"""Figures are written with their intervals, by the decimals of their metric."""

import pytest

from ecom.evaluation.metrics import COST, METRICS
from ecom.reporting.cells import metric_name, with_interval

FOUND = {
    "model": {"pr_auc": 0.77145, COST: 1225.7},
    "model_minus_other": {"pr_auc": -0.01, COST: 3.2},
    "intervals": {
        "model": {"pr_auc": [0.7, 0.8], COST: [1225.7, 1225.7]},
        "model_minus_other": {"pr_auc": [-0.02, 0.001], COST: [-1.0, 5.0]},
    },
}


@pytest.mark.parametrize(
    ("name", "metric", "cell"),
    [
        ("model", "pr_auc", "0.771 (0.700 to 0.800)"),
        ("model", COST, "1,226"),  # an interval without a width is not shown
        ("model_minus_other", "pr_auc", "-0.010 (-0.020 to +0.001)"),
        ("model_minus_other", COST, "+3 (-1 to +5)"),
    ],
)
def test_a_figure_is_written_with_its_interval(name: str, metric: str, cell: str) -> None:
    assert with_interval(FOUND, name, metric) == cell


def test_every_metric_has_a_name_of_its_own() -> None:
    assert len({metric_name(metric) for metric in METRICS}) == len(METRICS)
