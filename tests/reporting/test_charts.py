"""Charts are valid Vega-Lite: Vega itself draws them, with the data they are given."""

from typing import Any

import pytest
import vl_convert

from ecom.reporting import charts

CURVES = [
    {
        "model": "best model",
        "place": n,
        "recall": n / 3,
        "precision": 1 - n / 9,
        "threshold": n / 3,
        "false_positive_rate": n / 4,
        "cost": 100 * n,
    }
    for n in range(4)
]
SPECS = {
    "curve": charts.curve(("recall", "recall"), ("precision", "precision")),
    "roc": charts.curve(
        ("false_positive_rate", "x"), ("recall", "true positive rate"), diagonal=True
    ),
    "cost": charts.cost(0.2),
    "reliability": charts.reliability(
        [
            {
                "model": "baseline",
                "mean_score": 0.1,
                "purchase_rate": 0.2,
                "low": 0.1,
                "high": 0.3,
                "sessions": 9,
            }
        ]
    ),
    "candidates": charts.candidates(
        [{"candidate": "logistic", "fold": n, "pr_auc": 0.6 + n / 100} for n in range(3)]
    ),
    "trials": charts.trials([{"trial": 1, "pr_auc": 0.7, "pr_auc_sd": 0.02, "trees.depth": 3}]),
    "slices": charts.slices(
        [
            {
                "value": "Month: Nov",
                "pr_auc": 0.7,
                "low": 0.6,
                "high": 0.8,
                "base_rate": 0.2,
                "sessions": 9,
                "purchases": 2,
                "recall": 0.5,
                "worst": True,
            }
        ]
    ),
    "over_time": charts.over_time(
        [
            {
                "model": "best model",
                "month": "Nov",
                "pr_auc": 0.7,
                "low": 0.6,
                "high": 0.8,
                "rate": 0.2,
                "sessions": 9,
                "purchases": 2,
            }
        ]
    ),
    "learning_curve": charts.learning_curve(
        [
            {"model": "baseline", "share": share, "pr_auc": 0.7, "low": 0.6, "high": 0.8}
            for share in (0.5, 1.0)
        ]
    ),
    "importance": charts.importance([{"column": "Month", "importance": 0.5}]),
}


def marks(spec: dict[str, Any], rows: list[dict[str, Any]]) -> int:
    datasets = {"curves": rows, "operating": rows[-1:]}
    svg = vl_convert.vegalite_to_svg(spec | {"width": 300, "datasets": datasets})
    return int(svg.count("aria-roledescription="))


@pytest.mark.parametrize("name", SPECS)
def test_vega_draws_a_chart(name: str) -> None:
    assert marks(SPECS[name], CURVES) > 0
    assert "config" not in SPECS[name]
    assert SPECS[name]["$schema"].startswith("https://vega.github.io/schema/vega-lite/v")


@pytest.mark.parametrize("name", ["curve", "roc", "cost"])
def test_a_curve_is_drawn_from_the_page_s_own_data(name: str) -> None:
    assert marks(SPECS[name], CURVES) > marks(SPECS[name], [])


def test_a_dot_in_a_hyperparameter_is_no_path() -> None:
    tooltip = SPECS["trials"]["layer"][1]["encoding"]["tooltip"]

    assert {"field": "trees\\.depth", "title": "trees.depth"} in [
        {key: item[key] for key in ("field", "title")} for item in tooltip
    ]
