"""Figures repeat byte for byte, whatever the user's matplotlibrc says."""

import io
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from ecom.reporting.figures import (
    draw_confusion,
    draw_curves,
    draw_dependence,
    draw_importance,
    draw_sessions,
)
from scored import calibrated

LABELS, SCORES = calibrated(300)
COLUMNS = ["PageValues", "Month", "ExitRates", "VisitorType"]
POINTS = pd.DataFrame(
    {
        "column": np.repeat(COLUMNS, 3),
        "value": [0.0, 3.5, 900.0, "Nov", "May", "Nov", 0.1, 0.2, 0.0, "Other", "Other", "Other"],
        "contribution": np.linspace(-1, 1, 12),
    }
)
SESSIONS = pd.DataFrame(
    {
        "session": "least certain",
        "column": [*(f"column {n}" for n in range(12)), "base"],
        "value": [*map(str, range(12)), ""],
        "contribution": np.linspace(1, -1, 13),
    }
)
MATRIX = {
    "true_negatives": 8,
    "false_positives": 2,
    "false_negatives": 0,
    "true_positives": 0,
}
FIGURES: dict[str, Callable[[], Figure]] = {
    "importance": lambda: draw_importance(pd.Series({"PageValues": 1.0, "Month": 0.5})),
    "dependence": lambda: draw_dependence(POINTS),
    "sessions": lambda: draw_sessions(SESSIONS),
    "curves": lambda: draw_curves(
        LABELS, {"base": SCORES[::-1], "head": SCORES}, {"base": 0.2, "head": 1.5}
    ),
    "confusion": lambda: draw_confusion(MATRIX, "Title"),
}


def svg(figure: Figure) -> bytes:
    written = io.BytesIO()
    with rc_context({"svg.hashsalt": "ecom"}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_repeats_byte_for_byte(name: str) -> None:
    assert svg(FIGURES[name]()) == svg(FIGURES[name]())


@pytest.mark.parametrize("name", FIGURES)
def test_a_matplotlibrc_of_the_user_changes_no_figure(name: str) -> None:
    plain = FIGURES[name]()
    with rc_context({"font.size": 22, "lines.linewidth": 9, "axes.facecolor": "red"}):
        other = FIGURES[name]()

    def drawn(figure: Figure) -> list[object]:
        return [
            (
                axes.get_facecolor(),
                axes.title.get_fontsize(),
                [line.get_linewidth() for line in axes.lines],
            )
            for axes in figure.axes
        ]

    assert drawn(plain) == drawn(other)
    assert mpl.rcParams["font.size"] == 10


def test_the_rest_of_the_contributions_is_summed() -> None:
    labels = [label.get_text() for label in draw_sessions(SESSIONS).axes[0].get_yticklabels()]

    assert labels[0] == "the other 4"
    assert len(labels) == 9
