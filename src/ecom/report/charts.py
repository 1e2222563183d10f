"""Charts of the report, as Vega-Lite specifications: https://vega.github.io/vega-lite/docs/."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

MODELS: Final = ("baseline", "best model")
# Data sets that the page makes of its sweeps: once for all charts, and as the threshold is moved.
CURVES: Final = "curves"
OPERATING: Final = "operating"
HEIGHT: Final = 260

Spec = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


def curve(x: tuple[str, str], y: tuple[str, str], *, diagonal: bool = False) -> Spec:
    """Draw a curve of each model, with a point where it operates.

    Parameters
    ----------
    x, y
        Field and title of the axes, shares both.
    diagonal
        Whether to draw that of a model that knows nothing.
    """
    encoding = {"x": _share(*x), "y": _share(*y), "color": _by_model()}
    ends = [{x[0]: 0, y[0]: 0}, {x[0]: 1, y[0]: 1}]
    chance: list[Spec] = [
        {
            "data": {"values": ends},
            "mark": {"type": "line", "strokeDash": [2, 3], "opacity": 0.5, "color": "gray"},
            "encoding": {"x": _share(*x), "y": _share(*y)},
        }
    ]
    return _chart(
        *(chance if diagonal else []),
        {
            "data": {"name": CURVES},
            "mark": {"type": "line", "strokeWidth": 1.8},
            "encoding": encoding | {"order": {"field": "place"}},
        },
        _operating(encoding, x[0], y[0]),
    )


def cost(chosen: float) -> Spec:
    """Draw the cost of errors over the threshold, with the one chosen."""
    encoding = {
        "x": _share("threshold", "threshold"),
        "y": {
            "field": "cost", "type": "quantitative", "title": "€ per 1,000 sessions",
            "scale": {"zero": True},
        },
        "color": _by_model(),
    }  # fmt: skip
    return _chart(
        {
            "data": {"values": [{"threshold": chosen}]},
            "mark": {"type": "rule", "strokeDash": [4, 3], "opacity": 0.7, "color": "gray"},
            "encoding": {"x": _share("threshold", "threshold")},
        },
        {
            "data": {"name": CURVES},
            "mark": {"type": "line", "strokeWidth": 1.8},
            "encoding": encoding | {"order": {"field": "place"}},
        },
        _operating(encoding, "threshold", "cost"),
    )


def reliability(rows: Rows) -> Spec:
    """Draw the rate of purchases by mean score of a bin, with 95 % intervals."""
    x, color = _share("mean_score", "mean score of a bin"), _by_model()
    bar = {
        "mark": {"type": "rule", "opacity": 0.6},
        "encoding": {
            "x": x, "color": color,
            "y": _share("low", "rate of purchases"), "y2": {"field": "high"},
        },
    }  # fmt: skip
    points = {
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": x, "color": color, "y": _share("purchase_rate", "rate of purchases"),
            "tooltip": _tooltip("model", "mean_score", "purchase_rate", "sessions"),
        },
    }  # fmt: skip
    exact = {
        "data": {"values": [{"at": 0}, {"at": 1}]},
        "mark": {"type": "line", "strokeDash": [2, 3], "opacity": 0.5, "color": "gray"},
        "encoding": {
            "x": _share("at", "mean score of a bin"), "y": _share("at", "rate of purchases"),
        },
    }  # fmt: skip
    return _chart(exact, {"data": {"values": rows}, "layer": [bar, points]})


def candidates(rows: Rows) -> Spec:
    """Draw PR-AUC of each candidate, fold by fold, and its mean."""
    y = {"field": "candidate", "type": "nominal", "title": None, "sort": None}
    x = {
        "field": "pr_auc", "type": "quantitative", "title": "PR-AUC, one dot a fold",
        "scale": {"zero": False},
    }  # fmt: skip
    return _chart(
        {
            "data": {"values": rows},
            "layer": [
                {
                    "mark": {"type": "point", "filled": True, "opacity": 0.6, "size": 45},
                    "encoding": {
                        "x": x, "y": y, "tooltip": _tooltip("candidate", "fold", "pr_auc"),
                    },
                },
                {
                    "mark": {"type": "tick", "thickness": 3, "size": 22},
                    "encoding": {"x": x | {"aggregate": "mean"}, "y": y},
                },
            ],
        },
        height={"step": 34},
    )  # fmt: skip


def trials(rows: Rows) -> Spec:
    """Draw PR-AUC of each setting that tune tried, and the best so far."""
    x = {"field": "trial", "type": "quantitative", "title": "trial", "axis": {"tickMinStep": 1}}
    y = {"type": "quantitative", "title": "mean PR-AUC of the folds", "scale": {"zero": False}}
    return _chart(
        {
            "data": {"values": rows},
            "layer": [
                {
                    "mark": {"type": "line", "interpolate": "step-after", "opacity": 0.6},
                    "encoding": {"x": x, "y": y | {"field": "best_pr_auc_so_far"}},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 50},
                    "encoding": {
                        "x": x, "y": y | {"field": "pr_auc"},
                        "tooltip": [
                            {"field": name.replace(".", "\\."), "title": name}
                            for name in rows[0]
                        ],
                    },
                },
            ],
        }
    )  # fmt: skip


def slices(rows: Rows) -> Spec:
    """Draw PR-AUC in each slice with its interval, and the base rate, which is that of chance."""
    y = {"field": "value", "type": "nominal", "title": None, "sort": None}
    x = {"type": "quantitative", "title": "PR-AUC, 95 % interval (hollow: rate of purchases)"}
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "opacity": 0.6},
            "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}, "y": y},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 45},
            "encoding": {
                "x": x | {"field": "pr_auc"}, "y": y,
                "tooltip": _tooltip("value", "sessions", "purchases", "pr_auc", "recall"),
            },
        },
        {
            "mark": {"type": "point", "size": 30, "opacity": 0.7},
            "encoding": {"x": x | {"field": "base_rate"}, "y": y},
        },
    ]  # fmt: skip
    return _chart({"data": {"values": rows}, "layer": layers}, height={"step": 20})


def importance(rows: Rows) -> Spec:
    """Draw the mean absolute contribution of each column to the log-odds."""
    return _chart(
        {
            "data": {"values": rows},
            "mark": {"type": "bar"},
            "encoding": {
                "x": {
                    "field": "importance", "type": "quantitative",
                    "title": "mean absolute contribution to the log-odds",
                },
                "y": {"field": "column", "type": "nominal", "title": None, "sort": "-x"},
                "tooltip": _tooltip("column", "importance"),
            },
        },
        height={"step": 20},
    )  # fmt: skip


def _chart(*layers: Spec, height: int | Spec = HEIGHT) -> Spec:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "layer": list(layers),
    }


def _operating(encoding: Spec, x: str, y: str) -> Spec:
    return {
        "data": {"name": OPERATING},
        "mark": {"type": "point", "filled": True, "size": 130, "opacity": 1},
        "encoding": encoding | {"tooltip": _tooltip("model", x, y)},
    }


def _share(field: str, title: str) -> Spec:
    return {
        "field": field, "type": "quantitative", "title": title, "scale": {"domain": [0, 1]},
    }  # fmt: skip


def _by_model() -> Spec:
    return {
        "field": "model", "type": "nominal", "scale": {"domain": list(MODELS)},
        "legend": {"orient": "top", "title": None},
    }  # fmt: skip


def _tooltip(*fields: str) -> list[Spec]:
    return [{"field": field, "title": field.replace("_", " ")} for field in fields]
