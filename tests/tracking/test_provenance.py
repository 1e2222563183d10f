"""Tags tell the state, and whether the commit holds it."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from ecom.project.states import State
from ecom.tracking.provenance import lock_at, parsed_lock, provenance_of


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def test_outside_git_there_is_no_commit(finished: State, tmp_path: Path) -> None:
    origin = provenance_of(tmp_path, finished)

    assert (origin.commit, origin.dirty) == ("", "true")
    assert origin.name == origin.state[:7]
    assert origin.state == finished.lock.key
    assert origin.model == finished.lock.outs["models/best_model.joblib"]
    assert origin.package == hashlib.sha256(b"{}").hexdigest()
    assert "ecom.commit" not in origin.tags()
    assert origin.tags()["ecom.state"] == finished.lock.key


def test_a_commit_that_holds_the_state_is_not_dirty(finished: State, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "dvc.lock")
    git(tmp_path, "commit", "--quiet", "--message", "state")

    clean = provenance_of(tmp_path, finished)
    assert clean.dirty == "false"
    assert clean.name == clean.commit[:7]

    (tmp_path / "dvc.lock").write_text("stages: {clean: {cmd: x}}")
    git(tmp_path, "commit", "--quiet", "--all", "--message", "another")

    changed = provenance_of(tmp_path, finished)
    assert changed.dirty == "true"
    assert changed.name == f"{changed.commit[:7]} with changes"
    lock = lock_at(tmp_path, "HEAD")
    assert lock is not None
    assert list(lock.stages) == ["clean"]


def test_the_experiment_is_that_of_dvc(
    finished: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "by-quota")

    assert provenance_of(tmp_path, finished).experiment == "by-quota"


@pytest.mark.parametrize("text", [None, "", "stages: [", "stages: {clean: {}}"])
def test_a_damaged_lock_counts_as_none(text: str | None) -> None:
    assert parsed_lock(text) is None
