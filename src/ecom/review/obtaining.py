"""The results of a state: from the DVC cache or a remote, from the workspace, or made again."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ecom.errors import ProjectError
from ecom.project.files import RAW, REQUIREMENTS, TEST, TRAIN
from ecom.project.lock import RECORDER
from ecom.project.repository import git, prefix
from ecom.project.states import WORKSPACE, State, folder_state
from ecom.review.outcome import StateResults

RUNNING: Final = "Running stage '"  # DVC, of a stage that it neither skips nor finds in its cache
SHOWN: Final = 20  # last lines of a pipeline that failed


@contextmanager
def obtained(root: Path, state: State, *, fresh: bool = False) -> Iterator[State]:
    """Yield a state whose results can be read.

    If those of a commit are in neither the cache nor a remote, the workspace's are taken, if they
    come from the same code, data and params. Otherwise the commit's own code makes them again, in a
    work tree of its own. Either is said on standard error. A folder is taken as it is.

    Parameters
    ----------
    root
        Root folder of the project.
    state
        From `ecom.project.states.open_state`.
    fresh
        Whether a commit whose dvc.lock does not belong to its code is made again too.

    Raises
    ------
    ProjectError
        The pipeline of the commit cannot be run.
    """
    if state.revision is None or has_results(state, fresh=fresh):
        yield state
        return
    workspace = folder_state(root)
    if _is_made_from_the_same(state, workspace) and has_results(workspace, fresh=True):
        _say(f"{state} has no results in the DVC cache or a remote: those of the {WORKSPACE} are")
        _say("used, which come from the same code, data and params")
        yield replace(workspace, name=state.name, revision=state.revision)
        return
    _say(f"{state} has no results of its own code in the DVC cache or a remote: its code makes")
    _say("them again, in a temporary folder")
    commit = str(state.revision)
    with TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        if git(root, "worktree", "add", "--detach", str(base), commit) is None:
            raise ProjectError(f"git cannot make a work tree of {commit[:7]} in {folder}")
        tree = base / prefix(root)
        try:
            _reproduce(root, tree, state)
            yield replace(folder_state(tree), name=state.name, revision=commit)
        finally:
            git(root, "worktree", "remove", "--force", str(base))


def has_results(state: State, *, fresh: bool) -> bool:
    """Tell whether results can be read and, if asked, belong to the state's code and params."""
    try:
        results = StateResults(state)
        readable = not results.predictions.empty and results.raw(TEST) is not None
        if results.cross_fitted is not None:
            results.raw(TRAIN)
        return readable and not (fresh and state.stale())
    except ProjectError:
        return False


def _is_made_from_the_same(state: State, workspace: State) -> bool:
    try:
        return not state.stale() and state.lock.sources == workspace.lock.sources
    except ProjectError:
        return False


def _reproduce(root: Path, tree: Path, state: State) -> None:
    """Run the pipeline of a commit, with its own packages if they differ from those here."""
    python = Path(sys.executable)
    if (root / REQUIREMENTS).read_bytes() != (tree / REQUIREMENTS).read_bytes():
        _say("  its packages are installed")
        _run(tree, state, "make", "--silent", ".venv/run.ready")
        python = tree / ".venv" / "bin" / "python"
    dvc = (str(python), "-m", "dvc")
    cache = subprocess.run(  # noqa: S603  our own arguments
        [*dvc, "cache", "dir"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    _run(tree, state, *dvc, "cache", "dir", "--local", cache)
    # Relative sources start from the project's folder. If this content is stale, it is fetched.
    raw = (root / RAW).parent
    if raw.is_dir():
        shutil.copytree(raw, (tree / RAW).parent, dirs_exist_ok=True)
    _run(tree, state, *dvc, "checkout", "--quiet", "--force", "--allow-missing")
    # All stages but the record: the base of a comparison is no challenger.
    stages = [name for name in folder_state(tree).pipeline if name != RECORDER]
    _run(tree, state, *dvc, "repro", *stages, path=python.parent)


def _run(tree: Path, state: State, *command: str, path: Path | None = None) -> None:
    """Run a command in the work tree; say which stages run, and the last lines if it fails."""
    environment = os.environ | (
        {"PATH": os.pathsep.join([str(path), os.environ.get("PATH", "")])} if path else {}
    )
    lines = []
    with subprocess.Popen(  # noqa: S603  our own commands
        command,
        cwd=tree,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if line.startswith(RUNNING):
                _say(f"  {line.removeprefix(RUNNING).partition(chr(39))[0]}")
    if process.returncode:
        raise ProjectError(
            f"the pipeline of {state} cannot be run: `{' '.join(command[1:4])}` failed there:\n"
            + "\n".join(f"  {line}" for line in lines[-SHOWN:])
        )


def _say(line: str) -> None:
    print(f"ecom: {line}", file=sys.stderr, flush=True)
