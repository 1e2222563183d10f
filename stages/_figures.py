"""How stages write figures."""

from _stage import Stage

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_figure(stage: Stage, path: str, figure: "Figure") -> None:
    """Write a figure as SVG whose bytes depend on nothing but what it shows."""
    from matplotlib.style import context

    # The default style, whatever the user's matplotlibrc says.
    with stage.out(path) as temporary, context(["default", {"svg.hashsalt": "ecom"}]):
        figure.savefig(temporary, format="svg", metadata={"Date": None}, dpi=150)
