"""The stages as functions of this process, so that slow imports happen only once."""

import _stage

import importlib
import io
import shutil
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from params import with_values
from project import ROOT, metrics_of
from scripts import STAGES

RESULTS = tuple(stage for stage in STAGES if stage != "track")  # stages that produce results


@dataclass(frozen=True)
class Graph:
    """A folder that holds dvc.yaml and params.yaml, and nothing else at first."""

    root: Path

    def run(self, *stages: str) -> tuple[str, str] | None:
        """Run stages as their scripts do, in order; return the first that stops, and what it says.

        An error that a user cannot act on is raised, as its traceback would show.
        """
        for name in stages:
            output = io.StringIO()
            module = importlib.import_module(name)
            status = None
            try:
                with redirect_stderr(output), redirect_stdout(io.StringIO()):
                    _stage.run(module.main)
            except SystemExit as stopped:
                status = stopped.code
            assert status in {None, 1}
            if status:
                return name, output.getvalue()
        return None

    def files(self, *but: str) -> dict[str, bytes]:
        """Return the content of all files, except those at or below some paths."""
        return {
            path: file.read_bytes()
            for file in sorted(self.root.rglob("*"))
            if file.is_file()
            and not any((path := str(file.relative_to(self.root))).startswith(each) for each in but)
        }

    def metrics(self) -> dict[str, Any]:
        return {
            file.stem: metrics_of(self.root, file.stem)
            for file in (self.root / "metrics").glob("*.json")
        }


def graph(folder: Path, monkeypatch: pytest.MonkeyPatch, changes: Mapping[str, object]) -> Graph:
    """Return a graph with changed params; stages run in its folder until the patch is undone."""
    shutil.copy(ROOT / "dvc.yaml", folder)
    YAML(typ="safe").dump(with_values(changes), folder / "params.yaml")
    monkeypatch.setattr(_stage, "ROOT", folder)
    monkeypatch.setattr(_stage, "_load_yaml", cache(_stage._load_yaml))
    monkeypatch.setattr("sys.argv", ["stage"])
    return Graph(folder)
