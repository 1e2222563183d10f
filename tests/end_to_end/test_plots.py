"""`dvc plots` draws what dvc.yaml declares: rendered by Vega itself, as the browser would."""

import json
from typing import Any

import pandas as pd
import vl_convert
from playwright.sync_api import Browser
from ruamel.yaml import YAML

from browsing import opened
from project import ROOT, Project

PLOTS: list[Any] = YAML(typ="safe").load(ROOT / "dvc.yaml")["plots"]
FIGURES = [plot for plot in PLOTS if not isinstance(plot, str)]


def drawn(project: Project, *command: str) -> dict[str, Any]:
    """Return the Vega-Lite specification of each figure; of a picture, nothing."""
    figures = json.loads(project.run("dvc", "plots", *command, "--json").stdout)["data"]
    return {name: figure[0].get("content") for name, figure in figures.items()}


def marks(figure: dict[str, Any]) -> int:
    """Return how many marks Vega draws of a figure."""
    return vl_convert.vegalite_to_svg(figure).count("aria-roledescription=")


def is_drawn(figure: dict[str, Any]) -> bool:
    """Whether Vega draws more of a figure than of the same without data."""
    return marks(figure) > marks(figure | {"data": {"values": []}})


def test_show_draws_every_figure_with_the_curves_of_both_models(unchanged: Project) -> None:
    figures = drawn(unchanged, "show")

    pictures = [plot for plot in PLOTS if isinstance(plot, str)]
    assert list(figures) == [
        name for plot in PLOTS for name in ([plot] if isinstance(plot, str) else plot)
    ]
    assert [name for name, figure in figures.items() if figure is None] == pictures
    for figure in figures.values():
        assert figure is None or is_drawn(figure)
    for name in ("ROC", "Precision and recall", "Reliability"):
        files = {point["filename"] for point in figures[name]["data"]["values"]}
        assert {file.split("/")[0] for file in files} == {"baseline", "best_model"}


def test_the_page_is_drawn_whole_in_a_browser_without_a_network(
    browser: Browser, unchanged: Project
) -> None:
    unchanged.run("dvc", "plots", "show")

    last = f".vega-embed >> nth={len(FIGURES) - 1} >> svg.marks"
    page, faults = opened(browser, unchanged.root / "dvc_plots" / "index.html", last)

    assert faults == []
    assert page.locator(".vega-embed svg.marks").count() == len(FIGURES)
    assert page.locator("img").count() == len(PLOTS) - len(FIGURES)
    for picture in page.locator("img").all():
        assert picture.evaluate("image => image.naturalWidth") > 0


def test_diff_draws_both_revisions(unchanged: Project) -> None:
    unchanged.run("dvc", "exp", "run", "-S", "bootstrap.seed=3", "evaluate")

    figures = drawn(unchanged, "diff")

    revisions = {point["rev"] for point in figures["ROC"]["data"]["values"]}
    assert revisions == {"HEAD", "workspace"}
    for figure in figures.values():
        assert figure is None or is_drawn(figure)


def test_intervals_are_drawn_where_a_table_has_them(unchanged: Project) -> None:
    figures = drawn(unchanged, "show")

    slices = pd.read_csv(unchanged.root / "plots" / "slices.csv")
    judged = slices["pr_auc"].notna().sum()
    # An interval, a point and the base rate for each slice that has a PR-AUC.
    assert marks(figures["Slices"]) >= 3 * judged
    bins = sum(
        len(pd.read_csv(unchanged.root / "plots" / model / "reliability.csv"))
        for model in ("baseline", "best_model")
    )
    assert marks(figures["Reliability"]) >= 2 * bins


def test_the_cost_of_each_policy_is_a_curve_of_its_own(unchanged: Project) -> None:
    figure = vl_convert.vegalite_to_svg(drawn(unchanged, "show")["Cost by threshold"])

    for policy in ("baseline", "best model", "flag all", "flag none"):
        assert f">{policy}</text>" in figure
    assert "undefined" not in figure
