"""The report in a real browser: offline, in both colour schemes, on a phone, with its slider."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from ecom.evaluation.curves import confusion_counts
from project import Project

CHARTS = 8


@pytest.fixture(scope="module")
def report(synthetic: Project) -> Path:
    synthetic.run(*("python", "-m", "ecom", "report"))
    return synthetic.root / "reports" / "index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        flags = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ]
        chromium = playwright.chromium.launch(executable_path=found, args=flags)
        yield chromium
        chromium.close()


def opened(browser: Browser, report: Path, **options: Any) -> tuple[Page, list[str]]:
    """Open the report without a network; return it drawn, and what it complained of or asked for."""
    page = browser.new_context(offline=True, **options).new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda message: faults.append(message.text) if message.type == "error" else None
    )
    page.on(
        "request",
        lambda request: (
            faults.append(request.url) if not request.url.startswith(("file:", "data:")) else None
        ),
    )
    page.goto(report.as_uri())
    page.wait_for_selector("body[data-drawn=yes]", timeout=60_000)
    return page, faults


def cells(page: Page) -> dict[str, list[str]]:
    rows = page.locator("#operating tr").all()
    texts = [row.locator("td").all_inner_texts() for row in rows]
    return {name: rest for name, *rest in texts}


def test_every_chart_is_drawn_without_a_network_and_without_a_fault(
    browser: Browser, report: Path
) -> None:
    page, faults = opened(browser, report)

    assert faults == []
    assert page.locator(".chart svg").count() == CHARTS
    for chart in page.locator(".chart svg").all():
        assert chart.locator("path, rect, circle").count() > 3
    assert page.locator(".picture svg").count() == 2
    assert "These sessions are generated" in page.inner_text("body")


def test_figures_are_those_of_the_metrics(
    browser: Browser, report: Path, synthetic: Project
) -> None:
    page, _ = opened(browser, report)
    path = synthetic.root / "metrics" / "evaluate.json"
    best = json.loads(path.read_text(encoding="utf-8"))["best_model"]

    shown = page.locator(".figures b").all_inner_texts()

    assert shown[:4] == [f"{best[m]:.3f}" for m in ("pr_auc", "roc_auc", "precision", "recall")]
    precision, recall, flagged, bought, cost = cells(page)["best model"]
    matrix = best["confusion_matrix"]
    assert (precision, recall) == (f"{best['precision']:.3f}", f"{best['recall']:.3f}")
    assert int(flagged) == matrix["true_positives"] + matrix["false_positives"]
    assert int(bought) == matrix["true_positives"]
    assert cost == f"{best['cost_per_1000_sessions']:.0f}"


@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.5, 0.93, 1.0])
def test_the_slider_moves_the_operating_point_of_both_models(
    browser: Browser, report: Path, synthetic: Project, threshold: float
) -> None:
    page, faults = opened(browser, report)
    table = pd.read_parquet(synthetic.root / "data" / "predictions" / "test.parquet")
    points = "#precision-recall .mark-symbol path"
    before = [point.get_attribute("transform") for point in page.locator(points).all()]

    page.locator("#threshold").fill(str(threshold))

    for name, column in (("baseline", "baseline"), ("best model", "best_model")):
        matrix = confusion_counts(table["Revenue"], table[column], threshold)
        _, _, flagged, bought, _ = cells(page)[name]
        assert int(flagged) == matrix["true_positives"] + matrix["false_positives"]
        assert int(bought) == matrix["true_positives"]
    assert page.inner_text("#at") == f"{threshold:.3f}"
    after = [point.get_attribute("transform") for point in page.locator(points).all()]
    assert before != after
    page.click("#reset")
    assert [p.get_attribute("transform") for p in page.locator(points).all()] == before
    assert faults == []


def test_dark_is_dark_and_light_is_light(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, color_scheme="light")

    def colours() -> tuple[int, int]:
        page_colour, text = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor,"
            " document.querySelector('#roc text').getAttribute('fill')]"
        )
        return tuple(
            sum(int(float(part)) for part in colour.strip("rgba()").split(",")[:3])
            for colour in (page_colour, text)
        )  # type: ignore[return-value]

    light = colours()
    page.evaluate("document.body.dataset.drawn = ''")
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("body[data-drawn=yes]", timeout=60_000)
    dark = colours()

    assert min(light[0], dark[1]) > 600
    assert max(dark[0], light[1]) < 200


def test_a_phone_does_not_scroll_sideways(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, viewport={"width": 390, "height": 844})

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    for chart in page.locator(".chart").all():
        box = chart.bounding_box()
        assert box is not None
        assert box["width"] > 250


def test_a_report_of_stale_results_is_refused_and_the_old_one_kept(
    unchanged: Project, report: Path
) -> None:
    before = report.read_bytes()
    unchanged.set_params({"evaluate.mistakes": 3})

    done = unchanged.run("python", "-m", "ecom", "report", check=False)

    assert done.returncode == 1
    assert "run `dvc repro` first" in done.stdout
    assert report.read_bytes() == before
