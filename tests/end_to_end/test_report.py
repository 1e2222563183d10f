"""The report in a real browser: offline, in both colour schemes, on a phone, with its slider."""

from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from browsing import opened
from ecom.evaluation.curves import confusion_counts
from project import Project, metrics_of

CHARTS = 10
DRAWN = "body[data-drawn=yes]"
MODELS = {"baseline": "baseline", "best model": "best_model"}
# Texts that reach out of their chart or picture, and tables wider than their place.
CUT = """() => [
  ...[...document.querySelectorAll('.chart svg text')].filter((text) => {
    const [inner, outer] = [text, text.closest('.card')].map((one) => one.getBoundingClientRect());
    return inner.left < outer.left || inner.right > outer.right;
  }),
  ...[...document.querySelectorAll('table')].filter(
    (table) => table.scrollWidth > table.parentElement.clientWidth
  ),
].map((one) => one.textContent)"""


@pytest.fixture(scope="module")
def report(synthetic: Project) -> Path:
    synthetic.run(*("python", "-m", "ecom", "report"))
    return synthetic.root / "reports" / "index.html"


def cells(page: Page) -> dict[str, list[str]]:
    rows = page.locator("#operating tr").all()
    texts = [row.locator("td").all_inner_texts() for row in rows]
    return {name: rest for name, *rest in texts}


def test_every_chart_is_drawn_without_a_network_and_without_a_fault(
    browser: Browser, report: Path
) -> None:
    page, faults = opened(browser, report, DRAWN)

    assert faults == []
    assert page.locator(".chart svg").count() == CHARTS
    for chart in page.locator(".chart svg").all():
        assert chart.locator("path, rect, circle").count() > 3
    assert page.locator(".picture svg").count() == 2
    assert "These sessions are generated" in page.inner_text("body")


def test_figures_are_those_of_the_metrics(
    browser: Browser, report: Path, synthetic: Project
) -> None:
    page, _ = opened(browser, report, DRAWN)
    found = metrics_of(synthetic.root, "evaluate")
    best = found["best_model"]

    shown = page.locator(".figures b").all_inner_texts()

    assert shown[:4] == [f"{best[m]:.3f}" for m in ("pr_auc", "roc_auc", "precision", "recall")]
    for name, column in MODELS.items():
        judged = found[column]
        threshold, precision, recall, flagged, bought, cost = cells(page)[name]
        matrix = judged["confusion_matrix"]
        assert threshold == f"{found['thresholds'][column]:.3f}"
        assert (precision, recall) == (f"{judged['precision']:.3f}", f"{judged['recall']:.3f}")
        assert int(flagged) == matrix["true_positives"] + matrix["false_positives"]
        assert int(bought) == matrix["true_positives"]
        assert cost == f"{judged['cost_per_1000_sessions']:.0f}"


def test_slices_are_sorted_and_the_worst_are_named(
    browser: Browser, report: Path, synthetic: Project
) -> None:
    page, _ = opened(browser, report, DRAWN)
    slices = pd.read_csv(synthetic.root / "plots" / "slices.csv")
    large = slices[~slices["small"]].sort_values("above_chance")

    drawn = page.locator("#slices .role-axis-label text").all_text_contents()

    names = large["slice"] + ": " + large["value"].astype(str)
    assert [name for name in drawn if ":" in name] == names.tolist()
    assert f"The ranking is worst for {names.iloc[0]} (red)" in page.inner_text("body")


def test_every_figure_has_a_heading(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, DRAWN)

    assert page.locator("figure").count() == CHARTS + 2
    assert page.locator("figure:has(h3)").count() == CHARTS + 2


@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.5, 0.93, 1.0])
def test_the_slider_moves_the_operating_point_of_both_models(
    browser: Browser, report: Path, synthetic: Project, threshold: float
) -> None:
    page, faults = opened(browser, report, DRAWN)
    table = pd.read_parquet(synthetic.root / "data" / "predictions" / "test.parquet")
    points = "#precision-recall .mark-symbol path"
    before = [point.get_attribute("transform") for point in page.locator(points).all()]

    page.locator("#threshold").fill(str(threshold))

    for name, column in MODELS.items():
        matrix = confusion_counts(table["Revenue"], table[column], threshold)
        at, _, _, flagged, bought, _ = cells(page)[name]
        assert at == f"{threshold:.3f}"
        assert int(flagged) == matrix["true_positives"] + matrix["false_positives"]
        assert int(bought) == matrix["true_positives"]
    assert page.inner_text("#at") == f"{threshold:.3f}"
    after = [point.get_attribute("transform") for point in page.locator(points).all()]
    assert before != after
    page.click("#reset")
    assert [p.get_attribute("transform") for p in page.locator(points).all()] == before
    assert faults == []


def test_dark_is_dark_and_light_is_light(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, DRAWN, color_scheme="light")

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


def test_a_phone_does_not_scroll_sideways_and_cuts_nothing(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, DRAWN, viewport={"width": 390, "height": 844})

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(CUT) == []
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
