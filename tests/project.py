"""Projects to run: this checkout as it stands, committed or not, in a folder of its own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
RAW = "data/raw/online_shoppers_intention.csv"
SOURCE = ROOT.parent / "shared" / "data" / "online_shoppers_intention.csv"
NEEDS_REAL_DATA = "the real data is neither in ../shared/data nor in data/raw"


def real_data() -> Path | None:
    return next((path for path in (SOURCE, ROOT / RAW) if path.exists()), None)


@dataclass(frozen=True)
class Project:
    """A checkout that a test may change and run."""

    root: Path

    def run(
        self, *command: str, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as in the activated environment; output is text, both streams in stdout."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            command, cwd=self.root, env=os.environ | {"PATH": path} | variables, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
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

    def set_params(self, **changes: object) -> None:
        """Set knobs, spelled with double underscores for dots."""
        params = self.params()
        for key, value in changes.items():
            *sections, knob = key.split("__")
            node = params
            for section in sections:
                node = node[section]
            node[knob] = value
        YAML().dump(params, self.root / "params.yaml")

    def commit(self) -> None:
        """Commit everything that git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", "state")

    def changed(self) -> str:
        """Return what `git status` would show as changed."""
        return self.run("git", "status", "--porcelain").stdout


def checkout(folder: Path) -> Project:
    """Copy the files of this checkout that git tracks or would track into a new repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
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
