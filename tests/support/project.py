"""Projects to run: this checkout as it stands, committed or not, in a folder of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ecom.project.states import folder_state
from params import set_values

ROOT = Path(__file__).parents[2]
RAW = "data/raw/online_shoppers_intention.csv"
SOURCE = ROOT.parent / "shared" / "data" / "online_shoppers_intention.csv"
NEEDS_REAL_DATA = "the real data is neither in ../shared/data nor in data/raw"


def real_data() -> Path | None:
    return next((path for path in (SOURCE, ROOT / RAW) if path.exists()), None)


def metrics_of(root: Path, stage: str) -> Any:
    """Return what a stage found."""
    return folder_state(root).metrics[stage]  # type: ignore[literal-required]


@dataclass(frozen=True)
class Project:
    """A checkout that a test may change and run."""

    root: Path

    def run(
        self, *command: str, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the activated environment; stdout holds both streams, as text."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            command,
            cwd=self.root,
            env=os.environ | {"PATH": path} | variables,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0 or not check, done.stdout
        return done

    def params(self) -> Any:
        return YAML().load(self.root / "params.yaml")

    def outs(self) -> dict[str, str]:
        """Return the md5 that dvc.lock records of each output."""
        stages = YAML(typ="safe").load(self.root / "dvc.lock")["stages"]
        return {
            out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])
        }

    def set_params(self, changes: Mapping[str, object]) -> None:
        """Set values of params.yaml by their dotted names."""
        params = self.params()
        set_values(params, changes)
        YAML().dump(params, self.root / "params.yaml")

    def commit(self) -> None:
        """Commit everything that git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "state")

    def changed(self) -> str:
        """Return what `git status` shows as changed."""
        return self.run("git", "status", "--porcelain").stdout


def checkout(folder: Path) -> Project:
    """Copy the files of this checkout, except those that git ignores, into a new repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    project = Project(folder)
    project.run("git", "init", "--quiet", "--initial-branch", "main")
    project.run("git", "config", "user.name", "test")
    project.run("git", "config", "user.email", "test@example.org")
    project.commit()
    return project
