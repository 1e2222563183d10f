"""The stages as functions of this process: the imports, dear as they are, are paid once."""

import _stage

import importlib
import io
import json
import shutil
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from project import ROOT

STAGES = tuple(
    name for name in YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"] if name != "track"
)


@dataclass(frozen=True)
class Graph:
    """A folder with a declaration and knobs, and nothing else."""

    root: Path

    def run(self, *stages: str) -> tuple[str, str] | None:
        """Run stages as their scripts do, in order; return the first that stops, and what it says.

        What a stage raises that is not for a user to act on comes through, as its traceback would.
        """
        for name in stages:
            said = io.StringIO()
            module = importlib.import_module(name)
            status = None
            try:
                with redirect_stderr(said), redirect_stdout(io.StringIO()):
                    _stage.run(module.main)
            except SystemExit as stopped:
                status = stopped.code
            assert status in {None, 1}
            if status:
                return name, said.getvalue()
        return None

    def files(self, *but: str) -> dict[str, bytes]:
        """Return the content of all files, but those at or below some paths."""
        return {
            path: file.read_bytes()
            for file in sorted(self.root.rglob("*"))
            if file.is_file()
            and not any((path := str(file.relative_to(self.root))).startswith(each) for each in but)
        }

    def metrics(self) -> dict[str, Any]:
        return {
            file.stem: json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse)
            for file in (self.root / "metrics").glob("*.json")
        }


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is among the metrics")


def graph(
    folder: Path, monkeypatch: pytest.MonkeyPatch, changes: Iterable[tuple[str, Any]]
) -> Graph:
    """Return a graph in a folder, with knobs changed; stages run in it until the patch is undone."""
    shutil.copy(ROOT / "dvc.yaml", folder)
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    for key, value in changes:
        *sections, name = key.split(".")
        node = params
        for section in sections:
            node = node[section]
        node[name] = value
    YAML(typ="safe").dump(params, folder / "params.yaml")
    monkeypatch.setattr(_stage, "ROOT", folder)
    monkeypatch.setattr(_stage, "_load_yaml", cache(_stage._load_yaml))
    monkeypatch.setattr("sys.argv", ["stage"])
    return Graph(folder)
