"""`make run` goes on with generated sessions only if no source answers and none is in the cache."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ecom.errors import NoSourceAnsweredError
from ecom.project import quickstart
from ecom.project.files import RAW
from ecom.project.formats import parse_yaml
from ecom.project.quickstart import run_pipeline
from project import ROOT

Answers = Callable[..., int]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a checkout of a pipeline that runs nothing; nothing is to be recorded."""
    for name in ("dvc.yaml", "params.yaml", "requirements.txt", ".gitignore"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for folder in ("src", "stages", ".dvc/plots"):
        (tmp_path / folder).mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    monkeypatch.setattr(quickstart, "has_record", lambda _: True)
    return tmp_path


def commands(monkeypatch: pytest.MonkeyPatch, answers: dict[str, int]) -> list[tuple[Path, str]]:
    """Take down what would be run, and answer with a status by the last word."""
    ran = []

    def run(root: Path, *arguments: str) -> int:
        ran.append((root, " ".join(arguments)))
        return answers.get(arguments[-1], 0)

    monkeypatch.setattr(quickstart, "_python", run)
    return ran


def test_with_raw_data_the_pipeline_runs_in_the_checkout(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / RAW).parent.mkdir(parents=True)
    (checkout / RAW).touch()
    ran = commands(monkeypatch, {})

    assert run_pipeline(checkout) == checkout
    assert ran == [(checkout, "-m dvc repro")]


def test_an_archive_without_history_runs_without_git_until_it_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / ".dvc" / "config.local"
    config.parent.mkdir()
    ran = commands(monkeypatch, {})

    quickstart._tell_dvc_whether_git_is_there(tmp_path)
    config.write_text("[core]\n    no_scm = true\n")
    quickstart._tell_dvc_whether_git_is_there(tmp_path)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    quickstart._tell_dvc_whether_git_is_there(tmp_path)

    assert [command for _, command in ran] == [
        "-m dvc config --local core.no_scm true",
        "-m dvc config --local --unset core.no_scm",
    ]
    assert "This folder has no git history" in capsys.readouterr().out


def test_without_an_answer_the_pipeline_runs_on_a_copy(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = commands(monkeypatch, {"stages/fetch.py": NoSourceAnsweredError.exit_status})

    copy = run_pipeline(checkout)

    assert copy == checkout / ".synthetic"
    assert ran[-1] == (copy, "-m dvc repro")
    assert "runs on synthetic sessions, in .synthetic/." in capsys.readouterr().out
    params = parse_yaml((copy / "params.yaml").read_bytes())
    assert params["data"]["source"] == "synthetic"
    assert parse_yaml((checkout / "params.yaml").read_bytes())["data"]["source"] == "real"


@pytest.mark.parametrize("failing", ["stages/fetch.py", "repro"])
def test_a_stage_that_fails_ends_the_run_with_its_status(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    commands(monkeypatch, {failing: 1})

    with pytest.raises(SystemExit) as stopped:
        run_pipeline(checkout)

    assert stopped.value.code == 1


def test_a_clone_without_a_record_is_recorded(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quickstart, "has_record", lambda _: False)
    ran = commands(monkeypatch, {})

    run_pipeline(checkout)

    assert ran[-1] == (checkout, "-m ecom track")


def test_commands_run_in_the_environment_of_the_caller(tmp_path: Path) -> None:
    code = f"import sys; sys.exit(sys.executable != {sys.executable!r})"

    assert quickstart._python(tmp_path, "-c", code) == 0
