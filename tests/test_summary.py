"""The table of results is that of metrics/, in the terminal and in the README."""

from pathlib import Path

import pytest

from ecom.summary import BEGIN, END, summarise, with_results

ROOT = Path(__file__).parent.parent


def test_the_readme_shows_the_results_of_the_committed_metrics() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert with_results(readme, summarise(ROOT / "metrics")) == readme, "run `make docs`"


def test_results_replace_what_stood_between_the_markers_and_nothing_else() -> None:
    summary = summarise(ROOT / "metrics")

    text = with_results(f"before {BEGIN} old {END} after", summary)

    assert text == f"before {BEGIN}\n{summary.to_markdown()}\n{END} after"


def test_a_readme_without_markers_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        with_results("no markers", summarise(ROOT / "metrics"))
