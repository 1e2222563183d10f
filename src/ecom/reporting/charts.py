"""Charts of the report, as Vega-Lite specifications."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt

from ecom.schema import MONTHS

# Models as the report names them, by the names of their columns.
MODEL_NAMES: Final = {"baseline": "baseline", "best_model": "best model"}
# Data sets that the page builds from its sweeps: once for all charts, and when the slider moves.
CURVES: Final = alt.NamedData("curves")
OPERATING: Final = alt.NamedData("operating")
INTERVAL: Final[Any] = {"opacity": 0.6}
WORST: Final = "#c2410c"
REFERENCE: Final[Any] = {"strokeDash": [2, 3], "opacity": 0.5, "color": "gray"}

Spec = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


def curve(x: tuple[str, str], y: tuple[str, str], *, diagonal: bool = False) -> Spec:
    """Draw a curve for each model, with a point where it operates.

    Parameters
    ----------
    x, y
        Field and title of the axes; both are shares.
    diagonal
        Whether to draw the curve of a model that knows nothing.
    """
    encoding = {"x": _share(alt.X, *x), "y": _share(alt.Y, *y), "color": _model()}
    lines = alt.Chart(CURVES).mark_line(strokeWidth=1.8).encode(**encoding, order="place:Q")
    ends = _data([{x[0]: 0, y[0]: 0}, {x[0]: 1, y[0]: 1}])
    chance = alt.Chart(ends).mark_line(**REFERENCE).encode(encoding["x"], encoding["y"])
    return _spec(*([chance] if diagonal else []), lines, _operating_points(encoding, x[0], y[0]))


def cost(chosen: float) -> Spec:
    """Draw the cost of errors by threshold, with the threshold that was chosen."""
    encoding = {
        "x": _share(alt.X, "threshold", "threshold"),
        "y": alt.Y("cost:Q", title="€ per 1,000 sessions").scale(zero=True),
        "color": _model(),
    }
    lines = alt.Chart(CURVES).mark_line(strokeWidth=1.8).encode(**encoding, order="place:Q")
    rule = alt.Chart(_data([{"threshold": chosen}])).mark_rule(**REFERENCE).encode(encoding["x"])
    return _spec(rule, lines, _operating_points(encoding, "threshold", "cost"))


def reliability(rows: Rows) -> Spec:
    """Draw the rate of purchases by the mean score of a bin, with 95 % intervals."""
    mean, rate = "mean score of a bin", "rate of purchases"
    shared = {"x": _share(alt.X, "mean_score", mean), "color": _model()}
    chart = alt.Chart(_data(rows))
    bars = chart.mark_rule(**INTERVAL).encode(**shared, y=_share(alt.Y, "low", rate), y2="high")
    points = chart.mark_line(point=True).encode(
        **shared,
        y=_share(alt.Y, "purchase_rate", rate),
        tooltip=["model:N", "mean_score:Q", "purchase_rate:Q", "sessions:Q"],
    )
    diagonal = alt.Chart(_data([{"at": 0}, {"at": 1}])).mark_line(**REFERENCE)
    exact = diagonal.encode(_share(alt.X, "at", mean), _share(alt.Y, "at", rate))
    return _spec(exact, bars, points)


def candidates(rows: Rows) -> Spec:
    """Draw the PR-AUC of each candidate: each fold, and their mean."""
    chart = alt.Chart(_data(rows)).encode(alt.Y("candidate:N", title=None, sort=None))
    title = "PR-AUC (one dot for each fold)"
    folds = chart.mark_point(filled=True, opacity=0.6, size=45).encode(
        alt.X("pr_auc:Q", title=title).scale(zero=False),
        tooltip=["candidate:N", "fold:O", "pr_auc:Q"],
    )
    means = chart.mark_tick(thickness=3, size=22).encode(alt.X("mean(pr_auc):Q", title=title))
    return _spec(folds, means, height=alt.Step(34))


def trials(rows: Rows) -> Spec:
    """Draw the PR-AUC of each setting that tune tried, within its spread over the folds."""
    chart = alt.Chart(_data(rows)).encode(alt.X("trial:Q", title="trial").axis(tickMinStep=1))
    title = "PR-AUC, mean ± sd of the folds"
    spreads = (
        chart.transform_calculate(
            low="datum.pr_auc - datum.pr_auc_sd", high="datum.pr_auc + datum.pr_auc_sd"
        )
        .mark_rule(**INTERVAL)
        .encode(alt.Y("low:Q", title=title).scale(zero=False), y2="high:Q")
    )
    # A dot in a field's name would mean a part of it.
    tooltip = [alt.Tooltip(field=name.replace(".", "\\."), title=name) for name in rows[0]]
    settings = chart.encode(alt.Y("pr_auc:Q", title=title), tooltip=tooltip)
    best = max(row["pr_auc"] for row in rows)
    chosen = settings.transform_filter(alt.datum.pr_auc == best).mark_point(filled=True, size=110)
    return _spec(spreads, settings.mark_point(size=50), chosen)


def slices(rows: Rows) -> Spec:
    """Draw the PR-AUC of each slice with its interval, and its base rate, which chance reaches.

    Parameters
    ----------
    rows
        In the order drawn; ``worst`` is true of those to be noticed.
    """
    chart = alt.Chart(_data(rows)).encode(alt.Y("value:N", title=None, sort=None))
    title = "PR-AUC (hollow: base rate)"
    intervals = chart.mark_rule(**INTERVAL).encode(alt.X("low:Q", title=title), x2="high")
    points = chart.encode(
        alt.X("pr_auc:Q", title=title),
        tooltip=["value:N", "sessions:Q", "purchases:Q", "pr_auc:Q", "recall:Q"],
    )
    worst = points.transform_filter("datum.worst").mark_point(filled=True, size=110, color=WORST)
    rates = chart.mark_point(size=30, opacity=0.7).encode(alt.X("base_rate:Q", title=title))
    return _spec(
        intervals, points.mark_point(filled=True, size=45), worst, rates, height=alt.Step(20)
    )


def over_time(rows: Rows) -> Spec:
    """Draw the PR-AUC of each month with its interval, and its base rate, which chance reaches."""
    chart = alt.Chart(_data(rows)).encode(
        alt.X("month:N", title=None, sort=list(MONTHS)), alt.XOffset("model:N"), _model()
    )
    title = "PR-AUC (cross: base rate)"
    intervals = chart.mark_rule(**INTERVAL).encode(alt.Y("low:Q", title=title), y2="high:Q")
    points = chart.mark_point(filled=True, size=60).encode(
        alt.Y("pr_auc:Q", title=title),
        tooltip=["model:N", "month:N", "sessions:Q", "purchases:Q", "pr_auc:Q"],
    )
    rates = (
        alt.Chart(_data(rows))
        .mark_point(shape="cross", opacity=0.6, color="gray")
        .encode(alt.X("month:N", sort=list(MONTHS)), alt.Y("rate:Q", title=title))
    )
    return _spec(intervals, points, rates)


def learning_curve(rows: Rows) -> Spec:
    """Draw the PR-AUC by the share of the training rows, with its interval."""
    x = alt.X("share:Q", title="share of the training rows").scale(domain=[0, 1])
    chart = alt.Chart(_data(rows)).encode(x, _model())
    intervals = chart.mark_rule(**INTERVAL).encode(alt.Y("low:Q", title="PR-AUC"), y2="high:Q")
    lines = chart.mark_line(point=True).encode(
        alt.Y("pr_auc:Q", title="PR-AUC").scale(zero=False),
        tooltip=["model:N", "share:Q", "pr_auc:Q", "low:Q", "high:Q"],
    )
    return _spec(intervals, lines)


def importance(rows: Rows) -> Spec:
    """Draw the mean absolute contribution of each column to the log-odds."""
    title = "contribution to the log-odds"
    bars = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            alt.X("importance:Q", title=title),
            alt.Y("column:N", title=None, sort="-x"),
            tooltip=["column:N", "importance:Q"],
        )
    )
    return _spec(bars, height=alt.Step(20))


def _data(rows: Rows) -> alt.InlineData:
    return alt.InlineData(values=list(rows))


def _share(axis: Any, field: str, title: str) -> Any:
    return axis(f"{field}:Q", title=title).scale(domain=[0, 1])


def _model() -> alt.Color:
    color = alt.Color("model:N").scale(domain=list(MODEL_NAMES.values()))
    return color.legend(orient="top", title=None)


def _operating_points(encoding: Spec, x: str, y: str) -> alt.Chart:
    points = alt.Chart(OPERATING).mark_point(filled=True, size=130, opacity=1)
    chart: alt.Chart = points.encode(**encoding, tooltip=["model:N", f"{x}:Q", f"{y}:Q"])
    return chart


def _spec(*layers: alt.Chart, height: int | alt.Step = 260) -> Spec:
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    chart = alt.layer(*layers).properties(width="container", height=height, autosize=fit)
    spec: Spec = chart.to_dict()
    del spec["config"]  # the page has its own
    return spec
