"""Pictures of an explanation."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.style import context

from ecom.schema import COLUMNS

TOWARDS, AGAINST = "#c2410c", "#1d4ed8"  # purchase, no purchase: told apart by the colour-blind
SKEWED = 50  # a column whose maximum is this many medians is drawn on a logarithmic scale
WIDTH = 0.6  # of a category's points, between centres that are 1 apart
LARGEST = 8  # contributions drawn one by one; the rest is summed
STYLE: Any = [
    "default",  # whatever a matplotlibrc of the user says
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": "medium",
    },
]
_ALLOWED = {column.name: column.allowed for column in COLUMNS}


def draw_importance(importance: "pd.Series[float]") -> Figure:
    """Draw the mean absolute contribution of each raw column as bars, the largest on top."""
    with context(STYLE):
        figure = Figure(figsize=(7, 5), layout="constrained")
        axes = figure.subplots()
        drawn = importance[::-1]
        bars = axes.barh(list(drawn.index), drawn.to_numpy(), color=AGAINST)
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize="small")
        axes.set_title("What moves the model's log-odds of a purchase")
        axes.set_xlabel("mean absolute contribution to the log-odds")
        return figure


def draw_dependence(points: pd.DataFrame) -> Figure:
    """Draw the contribution of each column against its value, a panel for each column.

    Parameters
    ----------
    points
        Of `ecom.explanation.dependence`.
    """
    names = list(dict.fromkeys(points["column"]))
    across = min(3, len(names))
    down = -(-len(names) // across)
    with context(STYLE):
        figure = Figure(figsize=(4 * across, 3 * down), layout="constrained")
        panels = figure.subplots(down, across, squeeze=False, sharey=True).ravel()
        for name, axes in zip(names, panels, strict=False):
            _draw_panel(axes, name, points[points["column"] == name])
        for axes in panels[len(names) :]:
            axes.set_visible(False)
        figure.supylabel("contribution to the log-odds of a purchase")
        return figure


def draw_sessions(table: pd.DataFrame) -> Figure:
    """Draw what each session's largest contributions are, a panel for each session.

    Parameters
    ----------
    table
        Of `ecom.explanation.contributions_of`.
    """
    names = list(dict.fromkeys(table["session"]))
    with context(STYLE):
        figure = Figure(figsize=(8, 2.9 * len(names)), layout="constrained")
        for name, axes in zip(
            names, figure.subplots(len(names), squeeze=False).ravel(), strict=True
        ):
            of_session = table[table["session"] == name]
            base = of_session[of_session["column"] == "base"]["contribution"].item()
            causes = of_session[of_session["column"] != "base"]
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
            axes.margins(x=0.15)
            axes.set_title(
                f"{name}: from {base:+.2f} to {log_odds:+.2f}, "
                f"a probability of {1 / (1 + np.exp(-log_odds)):.1%}"
            )
        axes.set_xlabel("contribution to the log-odds of a purchase")
        return figure


def _draw_panel(axes: Any, name: str, points: pd.DataFrame) -> None:
    contributions = points["contribution"].to_numpy()
    values = points["value"]
    if _ALLOWED[name]:
        present = [value for value in _ALLOWED[name] if value in set(values)]
        centres = values.map({value: place for place, value in enumerate(present)}).to_numpy(float)
        # Spread the points of a category evenly, in the order of the rows: none falls by chance.
        groups = values.groupby(values.to_numpy())
        spread = (groups.cumcount() + 0.5) / groups.transform("size") - 0.5
        places = centres + WIDTH * spread.to_numpy()
        axes.set_xticks(range(len(present)), present, fontsize="small")
    else:
        places = values.to_numpy(float)
        if places.max() > SKEWED * max(float(np.median(places)), 1):
            axes.set_xscale("symlog", linthresh=1)
    axes.scatter(places, contributions, s=4, alpha=0.3, color=AGAINST, rasterized=True, linewidth=0)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_title(name)


def _shortened(value: str) -> str:
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value
