"""Other folders, users, checkouts and settings: what works in the first place works there."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from ecom.review.outcome import UNDECIDABLE
from project import Project

ODD = 'it\'s (é) 100%41 "q" #1; a&b [x]?'
IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@example.org")


@pytest.fixture
def place(synthetic: Project, tmp_path: Path) -> Path:
    """Return a folder without the synthetic project, which is put back as it was."""
    synthetic.run("git", "reset", "--quiet", "--hard")
    synthetic.run("dvc", "checkout", "--quiet", "--force")
    return tmp_path


def copied(project: Project, root: Path, *left_out: str) -> Project:
    ignored = shutil.ignore_patterns("exps", "queues", *left_out)
    shutil.copytree(project.root, root, symlinks=True, ignore=ignored)
    return Project(root)


def ecom(
    project: Project, *arguments: str, status: int = 0, setting: str = "A=1"
) -> "subprocess.CompletedProcess[str]":
    done = project.run("env", setting, "python", "-m", "ecom", *arguments, check=False)
    assert done.returncode == status, done.stdout
    return done


def client_of(project: Project) -> MlflowClient:
    address = f"sqlite:///{project.root / 'mlflow.db'}"
    return MlflowClient(address, registry_uri=address)


def test_a_path_of_any_characters_works(synthetic: Project, place: Path) -> None:
    odd = copied(synthetic, place / ODD, "mlflow.db*", "mlartifacts")

    ecom(odd, "track")
    assert "champion of ecom-purchase is version 1" in ecom(odd, "promote").stdout
    ecom(odd, "report")
    assert "No worse" in ecom(odd, "compare").stdout


@pytest.mark.prove
def test_experiments_work_in_a_path_of_any_characters(synthetic: Project, place: Path) -> None:
    odd = copied(synthetic, place / ODD, "mlflow.db*", "mlartifacts")

    odd.run("dvc", "exp", "run", "--name", "q", "-S", "threshold.strategy=quota")

    assert "→ `q (" in ecom(odd, "compare", "HEAD", "q", "--format", "markdown").stdout
    assert "the experiment q (commit " in ecom(odd, "lineage", "q").stdout


@pytest.mark.prove
def test_a_copy_records_beside_itself_and_keeps_its_record_without_the_original(
    synthetic: Project, place: Path
) -> None:
    first = copied(synthetic, place / "first", "mlflow.db*", "mlartifacts")
    ecom(first, "track")
    second = copied(first, place / "second")
    files = sorted((first.root / "mlartifacts").rglob("*"))

    second.set_params({"threshold.quota": 0.3, "threshold.strategy": "quota"})
    second.run("dvc", "repro")
    ecom(second, "promote", "1")

    assert sorted((first.root / "mlartifacts").rglob("*")) == files
    shutil.rmtree(first.root)
    client = client_of(second)
    versions: Any = client.search_model_versions("name='ecom-purchase'")
    assert {version.version for version in versions} == {1, 2}
    for version in versions:
        assert Path(client.download_artifacts(version.run_id, "dvc.lock", str(place))).is_file()


def test_an_archive_without_history_runs_and_says_what_needs_git(
    synthetic: Project, place: Path
) -> None:
    archive = copied(synthetic, place / "archive", ".git")

    said = ecom(archive, "run").stdout

    assert "This folder has no git history" in said
    assert "`git init && git add . && git commit -m start`" in said
    assert "Results on synthetic sessions" in said
    without = ecom(archive, "compare", status=1).stdout
    assert "no git history" in without
    assert "Traceback" not in without
    archive.run("git", "init", "--quiet")
    archive.run("git", "add", ".")
    archive.run("git", *IDENTITY, "commit", "--quiet", "--message", "start")
    assert "no git history" not in ecom(archive, "run").stdout
    assert "No worse" in ecom(archive, "compare").stdout


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files to another user")
def test_a_checkout_of_another_user_is_told_as_the_cause(synthetic: Project, place: Path) -> None:
    theirs = copied(synthetic, place / "theirs")
    theirs.run("chown", "-R", "1234", ".")
    home = place / "home"
    home.mkdir()

    for command in (("compare", "--gate"), ("review", "main")):
        said = ecom(theirs, *command, status=UNDECIDABLE, setting=f"HOME={home}").stdout
        assert "belongs to another user" in said
        assert "Traceback" not in said
    assert (
        "belongs to another user" in ecom(theirs, "track", status=1, setting=f"HOME={home}").stdout
    )
    advice = said.partition("`")[2].partition("`")[0]
    theirs.run("sh", "-c", advice, HOME=str(home))
    assert "No worse" in ecom(theirs, "compare", "--gate", setting=f"HOME={home}").stdout


@pytest.mark.prove
def test_a_project_below_the_root_of_git_is_compared_and_reviewed(
    synthetic: Project, place: Path
) -> None:
    inner = copied(synthetic, place / "outer" / "shop model", ".git")
    outer = Project(place / "outer")
    for command in (
        ("init", "--quiet", "--initial-branch", "trunk"),
        ("add", "."),
        (*IDENTITY, "commit", "--quiet", "--message", "start"),
    ):
        outer.run("git", *command)
    inner.run("dvc", "cache", "dir", "--local", str(synthetic.root / ".dvc" / "cache"))

    inner.set_params({"threshold.strategy": "quota", "threshold.quota": 0.01})
    inner.run("dvc", "repro")

    assert "Worse: cost of errors" in ecom(inner, "compare").stdout
    # The branch is called neither main nor named.
    assert "trunk" in ecom(inner, "review", status=1).stdout
    assert "models/best_model.joblib" in ecom(inner, "lineage", "HEAD").stdout


def test_a_partial_clone_fetches_what_it_compares(synthetic: Project, place: Path) -> None:
    synthetic.run("git", "config", "uploadpack.allowFilter", "true")
    partial = Project(place / "partial")
    synthetic.run(
        "git",
        "clone",
        "--quiet",
        "--filter=blob:none",
        f"file://{synthetic.root}",
        str(partial.root),
    )
    partial.run("dvc", "cache", "dir", "--local", str(synthetic.root / ".dvc" / "cache"))
    before = partial.run("git", "rev-list", "--objects", "--missing=print", "-1", "HEAD~1").stdout
    assert "\n?" in before

    said = partial.run(
        "timeout", "120", "python", "-m", "ecom", "compare", "HEAD~1", "HEAD", check=False
    )

    assert said.returncode == 1  # the first commit was never run, and its data is elsewhere
    assert "the pipeline of HEAD~1" in said.stdout
    after = partial.run("git", "rev-list", "--objects", "--missing=print", "-1", "HEAD~1").stdout
    assert "\n?" not in after


@pytest.mark.prove
def test_settings_of_python_stop_neither_stages_nor_commands(
    unchanged: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    for stage in ("clean", "tune", "explain", "track"):
        unchanged.run("python", f"stages/{stage}.py")
    ecom(unchanged, "track")
    ecom(unchanged, "report")
    assert "No worse" in ecom(unchanged, "compare", "--gate").stdout
    assert "No worse" in ecom(unchanged, "review", "main").stdout
    assert "best_model.joblib" in ecom(unchanged, "lineage", "HEAD").stdout
    assert unchanged.changed() == ""


def test_a_crash_is_undecidable_and_never_worse(synthetic: Project, place: Path) -> None:
    broken = copied(synthetic, place / "broken")
    threshold = broken.root / "metrics" / "threshold.json"
    threshold.write_text(
        '{"threshold": [], "costs": {"false_positive": 1, "false_negative": 5}}', encoding="utf-8"
    )

    assert "TypeError" in ecom(broken, "compare", "--gate", status=UNDECIDABLE).stdout
    assert "TypeError" in ecom(broken, "review", "main", status=UNDECIDABLE).stdout
    comment = (broken.root / "reports" / "review" / "review.md").read_text(encoding="utf-8")
    assert "No comparison" in comment
    assert "TypeError" in comment
    # Nor is a place where nothing can be written.
    ecom(synthetic, "review", "main", "--output", "README.md", status=UNDECIDABLE)
