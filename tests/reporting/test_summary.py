"""The summary shows the results of metrics/, in the terminal and in the README."""

from pathlib import Path

import pytest

from ecom.errors import ProjectError
from ecom.reporting.summary import BEGIN, END, print_summary, summarise, with_results
from project import ROOT


def test_the_readme_shows_the_results_of_the_committed_metrics() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert with_results(readme, summarise(ROOT)) == readme, "run `make docs`"


def test_results_replace_what_stood_between_the_markers_and_nothing_else() -> None:
    summary = summarise(ROOT)

    text = with_results(f"before {BEGIN} old {END} after", summary)

    assert text == f"before {BEGIN}\n{summary.to_markdown()}\n{END} after"


def test_a_readme_without_markers_is_an_error() -> None:
    with pytest.raises(ProjectError, match="needs the lines"):
        with_results("no markers", summarise(ROOT))


def test_metrics_that_are_not_there_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"workspace has no metrics/tune\.json: run `dvc repro`"):
        summarise(tmp_path)


def test_it_is_printed_with_what_to_do_next(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    print_summary(summarise(ROOT), ROOT)

    printed = capsys.readouterr().out
    assert "Results on real sessions" in printed
    assert "dvc exp run -S tune.n_iter=30" in printed
    assert max(map(len, printed.split("Results on")[1].splitlines())) <= 80


def test_of_the_synthetic_copy_it_says_where_that_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    print_summary(summarise(ROOT), ROOT / ".synthetic")

    assert "&& cd .synthetic, then" in capsys.readouterr().out
