"""`make run`: the pipeline on the data there is.

If no source of raw data answers, the same pipeline runs on generated sessions, in a copy of the
project within the checkout, so that no tracked file changes. The copy has a git history of its own,
so that experiments and comparisons work there too.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from ecom.errors import NoSourceAnsweredError
from ecom.project.files import (
    LIBRARY,
    PARAMS,
    PIPELINE,
    PLOT_TEMPLATES,
    RAW,
    REQUIREMENTS,
    STAGES,
    SYNTHETIC,
)
from ecom.project.place import has_record
from ecom.project.recovery import recover
from ecom.project.repository import git

COPIED: Final = (PLOT_TEMPLATES, PIPELINE, REQUIREMENTS, LIBRARY, STAGES, ".gitignore")
NO_GIT: Final = "core.no_scm"  # an option of DVC
# Without DVC's questions to its servers.
DVC_CONFIG: Final = "[core]\n    analytics = false\n    check_update = false\n"


def run_pipeline(root: Path) -> Path:
    """Run the pipeline of a checkout; return the folder that holds its results.

    Raises
    ------
    SystemExit
        A stage failed; it has printed why.
    """
    _recover(root)
    _tell_dvc_whether_git_is_there(root)
    if not (root / RAW).exists():
        # DVC only tells that a stage failed. Run directly, fetch tells why.
        status = _python(root, f"{STAGES}/fetch.py")
        if status == NoSourceAnsweredError.exit_status and not _restore_raw_data(root):
            print(
                "\nNo source of raw data answers, so the pipeline runs on synthetic sessions, in "
                f"{SYNTHETIC}/.\nIts figures say nothing about real visitors. Once a source "
                "answers, `make run` uses it.\n",
                flush=True,
            )
            root = _copy_for_synthetic_sessions(root)
            _commit(root, "The project, for generated sessions")
            _recover(root)
            _tell_dvc_whether_git_is_there(root)
        elif status not in (0, NoSourceAnsweredError.exit_status):
            sys.exit(status)
    status = _python(root, "-m", "dvc", "repro")
    if status:
        sys.exit(status)
    if root.name == SYNTHETIC:
        _commit(root, "Results on generated sessions")
    if not has_record(root):
        # A fresh clone: its dvc.lock says that track has run, but it ran elsewhere.
        _python(root, "-m", "ecom", "track")
    return root


def _python(root: Path, *arguments: str) -> int:
    binaries = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": os.pathsep.join([binaries, os.environ.get("PATH", "")])}
    return subprocess.run(  # noqa: S603  our own scripts
        [sys.executable, *arguments], cwd=root, env=environment, check=False
    ).returncode


def _recover(root: Path) -> None:
    for line in recover(root):
        print(line, flush=True)


def _tell_dvc_whether_git_is_there(root: Path) -> None:
    """Let DVC run in an archive of the project, which has no history."""
    config = root / ".dvc" / "config.local"
    told = config.exists() and NO_GIT.partition(".")[2] in config.read_text(encoding="utf-8")
    has_git = git(root, "rev-parse", "--git-dir") is not None
    if has_git and told:
        _python(root, "-m", "dvc", "config", "--local", "--unset", NO_GIT)
    elif not has_git and not told:
        _python(root, "-m", "dvc", "config", "--local", NO_GIT, "true")
        print(
            "This folder has no git history, so DVC runs without it. Comparisons with earlier "
            "states, experiments\nand reviews need it: run `git init && git add . && git commit -m "
            "start`, then `make run` again.\n",
            flush=True,
        )


def _restore_raw_data(root: Path) -> bool:
    """Bring the raw data from the DVC cache, and tell whether it was there."""
    _python(root, "-m", "dvc", "checkout", "--quiet", RAW)
    return (root / RAW).exists()


def _copy_for_synthetic_sessions(root: Path) -> Path:
    from ruamel.yaml import YAML

    copy = root / SYNTHETIC
    for name in COPIED:
        if (root / name).is_dir():
            shutil.rmtree(copy / name, ignore_errors=True)
            shutil.copytree(
                root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            copy.mkdir(exist_ok=True)
            shutil.copy2(root / name, copy / name)
    yaml = YAML()
    params = yaml.load(root / PARAMS)
    params["data"]["source"] = "synthetic"
    yaml.dump(params, copy / PARAMS)
    (copy / ".dvc").mkdir(exist_ok=True)
    (copy / ".dvc" / "config").write_text(DVC_CONFIG, encoding="utf-8")
    (copy / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n", encoding="utf-8")
    return copy


def _commit(copy: Path, message: str) -> None:
    """Commit all of the copy; without git, do nothing."""
    if not (copy / ".git").exists():
        git(copy, "init", "--quiet", "--initial-branch", "main")
        git(copy, "config", "user.name", "ecom")
        git(copy, "config", "user.email", "ecom@localhost")
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message", message)
