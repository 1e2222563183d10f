"""`dvc plots` draws what dvc.yaml declares: rendered by Vega itself, as the browser would."""

import json
from typing import Any

import vl_convert
from ruamel.yaml import YAML

from project import ROOT, Project

PLOTS: list[dict[str, Any]] = YAML(typ="safe").load(ROOT / "dvc.yaml")["plots"]


def drawn(project: Project, *command: str) -> dict[str, Any]:
    """Return the Vega-Lite specification of each figure."""
    figures = json.loads(project.run("dvc", "plots", *command, "--json").stdout)["data"]
    return {name: figure[0]["content"] for name, figure in figures.items()}


def test_show_draws_every_figure_with_the_curves_of_both_models(unchanged: Project) -> None:
    figures = drawn(unchanged, "show")

    assert list(figures) == [name for plot in PLOTS for name in plot]
    for figure in figures.values():
        assert "<path" in vl_convert.vegalite_to_svg(figure)
    for name in ("ROC", "Precision and recall"):
        files = {point["filename"] for point in figures[name]["data"]["values"]}
        assert {file.split("/")[0] for file in files} == {"baseline", "best_model"}


def test_diff_draws_both_revisions(unchanged: Project) -> None:
    unchanged.run("dvc", "exp", "run", "-S", "tune.seed=3")

    figures = drawn(unchanged, "diff")

    revisions = {point["rev"] for point in figures["ROC"]["data"]["values"]}
    assert revisions == {"HEAD", "workspace"}
    assert "<path" in vl_convert.vegalite_to_svg(figures["ROC"])
