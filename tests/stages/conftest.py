"""A stage of a project that has nothing but its declaration and its params."""

import _stage

import shutil
from pathlib import Path

import pytest

from project import ROOT


@pytest.fixture
def stage(tmp_path: Path) -> _stage.Stage:
    """Return the clean stage of an empty project."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    return _stage.Stage("clean", tmp_path)


@pytest.fixture
def reads_all(stage: _stage.Stage, monkeypatch: pytest.MonkeyPatch) -> _stage.Stage:
    """Return the stage, allowed to read any file."""
    monkeypatch.setattr(stage, "dep", lambda path: stage.root / path)
    return stage
