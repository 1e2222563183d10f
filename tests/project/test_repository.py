"""Git answers with what it prints, or with None."""

from pathlib import Path

import pytest

from ecom.project.repository import git


def test_a_command_that_fails_gives_none(tmp_path: Path) -> None:
    assert git(tmp_path, "rev-parse", "HEAD") is None


def test_a_command_gives_what_it_prints(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")

    assert git(tmp_path, "rev-parse", "--is-inside-work-tree") == "true"


def test_without_git_there_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert git(tmp_path, "--version") is None
