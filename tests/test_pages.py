"""README and docs: links that lead somewhere, figures that were measured."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pages import PAGES, figures, links, text_of
from project import ROOT

# Figures that are no metrics of the pipeline, and where they come from.
OF_OTHERS = {
    "study.md": "written by `make study`",
    "verdicts.md": "written by `make verdicts`",
    "licences.md": "written by `make docs`",
    "0004-candidates.md": "a decision: what was found when it was taken",
    "0005-threshold.md": "a decision",
    "0006-explanation.md": "a decision",
    "0007-verdicts.md": "a decision",
}
KNOWN = {
    "README.md": {"95", "3.11"},
    "model_card.md": {"95", "10"},
}  # % of the intervals; the top of the lift
HEADS = ("| promise", "| item", "| part", "| Data", "| Model", "| Infrastructure", "| Monitoring")
ITEMS_OF_THE_ML_TEST_SCORE = 28


def numbers(node: Any) -> list[float]:
    if isinstance(node, dict):
        return [number for inner in node.values() for number in numbers(inner)]
    if isinstance(node, list):
        return [number for inner in node for number in numbers(inner)]
    return [float(node)] if isinstance(node, int | float) and not isinstance(node, bool) else []


METRICS = [
    number
    for path in (ROOT / "metrics").glob("*.json")
    for number in numbers(json.loads(path.read_text(encoding="utf-8")))
]


def is_measured(figure: str) -> bool:
    """Whether some metric is spelled so, as it is, as a percentage, or without its sign."""
    decimals = len(figure.partition(".")[2])
    spelled = {f"{scale * abs(number):.{decimals}f}" for number in METRICS for scale in (1, 100)}
    return figure in spelled


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_figure_is_one_of_the_metrics(page: Path) -> None:
    if page.name in OF_OTHERS:
        return
    if page.name == "brief_protocol.md":  # of the brief: a test reproduces them from the data
        known = (ROOT / "tests" / "end_to_end" / "test_brief.py").read_text(encoding="utf-8")
        assert all(figure in known for figure in figures(page) if len(figure) > 5)
        assert len(figures(page)) > 5
        return
    unknown = {
        figure for figure in figures(page)
        if figure not in KNOWN.get(page.name, set()) and not is_measured(figure)
    }  # fmt: skip
    if page.name == "model_card.md":  # slices and mistakes, which are not among the metrics
        text = text_of(page)
        tables = text[text.index("## The PageValues question") : text.index("## Why it says")]
        unknown = {figure for figure in unknown if figure not in tables}

    assert unknown == set()


def test_a_figure_that_was_not_measured_is_caught() -> None:
    assert is_measured(f"{METRICS[-1]:.4f}".lstrip("-"))
    assert not is_measured("0.123456")
    assert figures(ROOT / "README.md")


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
        line for line in text_of(ROOT / "docs" / name).splitlines()
        if line.startswith("| ") and not line.startswith(HEADS)
    ]  # fmt: skip

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
        for name, points in re.findall(r"^\| (Data|Model|Infrastructure|Monitoring) \| ([\d.]+) \|", text, re.MULTILINE)
    }  # fmt: skip
    assert said == sums
    assert f"score is **{min(sums.values()):g}**" in text
