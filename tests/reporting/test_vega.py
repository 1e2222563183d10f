"""The page of DVC's plots has Vega in it, of the version that is pinned."""

from ecom.project.files import PLOTS_PAGE
from ecom.reporting.vega import plots_page, vega_library
from project import ROOT


def test_the_committed_page_is_what_the_pinned_library_makes() -> None:
    assert (ROOT / PLOTS_PAGE).read_text(encoding="utf-8") == plots_page(), "run `make docs`"


def test_the_report_takes_vega_from_it() -> None:
    assert "window.vegaEmbed=" in vega_library(ROOT)
    assert vega_library(ROOT) in plots_page()


def test_dvc_puts_its_figures_in_and_nothing_is_fetched() -> None:
    page = plots_page()

    assert page.count("{plot_divs}") == 1
    assert "{scripts}" not in page  # where DVC would link to the web
    assert page.count("</script") == 1
