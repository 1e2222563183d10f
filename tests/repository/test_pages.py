"""README and docs: links that lead somewhere, figures that were measured, no more words than needed."""

import ast
import re
from pathlib import Path

import pytest

from ecom.reporting.summary import summarise, with_results
from pages import PAGES, figures, links, text_of
from project import ROOT

# Pages whose figures are no metrics of the pipeline, or written by it, and who holds them.
OF_OTHERS = {
    "model_card.md": "an output of the pipeline: its md5 is in dvc.lock",
    "study.md": "written by `make study`",
    "verdicts.md": "written by `make verdicts`",
    "serving.md": "written by `make bench-serve`",
    "deployment.md": "written by `make bench-image`",
    "scoring.md": "written by `make bench-score`",
    "scale.md": "its tables are written by `make bench-scale`",
    "drift.md": "written by `make drift-study`",
    "licences.md": "written by `make docs`",
    "brief_protocol.md": "figures of the brief: tests/end_to_end/test_brief.py reproduces them",
    "0004-candidates.md": "what was found when it was decided",
    "0005-threshold.md": "what was found when it was decided",
    "0007-verdicts.md": "what was found when it was decided",
}
# No measurements: versions, the level of intervals, points of the score.
KNOWN = {
    "README.md": {"3.11", "4.0", "95", "2.0"},
    "ml_test_score.md": {"0.5"},
    "0002-params.md": {"1.1", "1.2"},
    "0015-drift.md": {"5"},  # the level of alarms
}
HEADS = ("| promise", "| item", "| part", "| Data", "| Model", "| Infrastructure", "| Monitoring")
ITEMS_OF_THE_ML_TEST_SCORE = 28


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in OF_OTHERS], ids=lambda page: page.name
)
def test_every_figure_comes_from_the_metrics(page: Path) -> None:
    text = text_of(page)
    if page.name == "README.md":
        assert with_results(text, summarise(ROOT)) == text, "run `make docs`"
        text = re.sub("<!-- results.*?begin -->.*end -->", "", text, flags=re.DOTALL)

    assert set(figures(text)) <= KNOWN.get(page.name, set())


def test_a_figure_that_somebody_wrote_is_caught() -> None:
    assert figures("PR-AUC 0.771, 15 % of 1,234.5 sessions; `0.5`, [0.6](0.7), v1.2.3") == [
        "0.771",
        "15",
        "1234.5",
    ]


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?://|mailto:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if target.suffix == ".py" and anchor:
            assert anchor in names_in(target), link
        elif anchor:
            headings = {
                re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-")
                for heading in re.findall(r"^#+ (.*)$", text_of(target), re.MULTILINE)
            }
            assert anchor in headings, link


@pytest.mark.parametrize("name", ["reproducibility.md", "ml_test_score.md"])
def test_every_promise_names_a_test(name: str) -> None:
    rows = [
        line
        for line in text_of(ROOT / "docs" / name).splitlines()
        if line.startswith("| ") and not line.startswith(HEADS)
    ]

    assert len(rows) >= ITEMS_OF_THE_ML_TEST_SCORE
    for row in rows:
        points = row.split("|")[2].strip()
        assert "](../" in row or points == "0", row


def test_the_ml_test_score_adds_up() -> None:
    """Its own rule: the least of the sums over the four parts."""
    text = text_of(ROOT / "docs" / "ml_test_score.md")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:5]
    sums = {}
    for part in parts:
        rows = [line.split("|") for line in part.splitlines() if re.match(r"\| \d", line)]
        assert len(rows) == ITEMS_OF_THE_ML_TEST_SCORE / 4
        assert {float(row[2]) for row in rows} <= {0, 0.5, 1}
        sums[part.partition("\n")[0]] = sum(float(row[2]) for row in rows)

    said = {
        name: float(points)
        for name, points in re.findall(
            r"^\| (Data|Model|Infrastructure|Monitoring) \| ([\d.]+) \|", text, re.MULTILINE
        )
    }
    assert said == sums
    assert f"score is **{min(sums.values()):g}**" in text
