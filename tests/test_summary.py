"""The table of results is that of metrics/, in the terminal and in the README."""

import subprocess
import sys
from pathlib import Path

import pytest

from ecom.errors import ProjectError
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
    with pytest.raises(ProjectError, match="needs the lines"):
        with_results("no markers", summarise(ROOT / "metrics"))


def test_metrics_that_are_not_there_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"clean\.json is missing: run `dvc repro`"):
        summarise(tmp_path)


@pytest.mark.parametrize("command", ["run", "readme"])
def test_a_command_in_the_wrong_folder_says_so(tmp_path: Path, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ecom", command],
        cwd=tmp_path, check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr == (
        f"ecom: no dvc.yaml in {tmp_path}: change to the root folder of the project\n"
    )
