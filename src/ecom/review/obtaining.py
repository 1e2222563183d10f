"""The results of a state: from the DVC cache or a remote, from the workspace, or made again."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ecom.errors import ProjectError
from ecom.project.files import RAW, REQUIREMENTS, TEST, TRAIN
from ecom.project.lock import RECORDER
from ecom.project.place import DVC_ROOT_VARIABLE
from ecom.project.repository import git, prefix
from ecom.project.states import WORKSPACE, State, folder_state
from ecom.review.outcome import StateResults
from ecom.storage import RemoteError

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
        _say(f"no results of {state} were found in the DVC cache or a remote: those of the")
        _say(f"{WORKSPACE} are used, which come from the same code, data and params")
        yield replace(workspace, name=state.name, revision=state.revision)
        return
    _say(f"no results of {state} by its own code were found in the DVC cache or a remote: its code")
    _say("makes them again, in a temporary folder")
    with work_tree(root, state.revision) as tree:
        reproduce(root, tree, str(state))
        yield replace(folder_state(tree), name=state.name, revision=state.revision)


@contextmanager
def work_tree(root: Path, commit: str) -> Iterator[Path]:
    """Yield the project as a commit has it, in a temporary folder.

    Raises
    ------
    ProjectError
        Git cannot make it.
    """
    with TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        if git(root, "worktree", "add", "--detach", str(base), commit) is None:
            raise ProjectError(f"git cannot make a work tree of {commit[:7]} in {folder}")
        try:
            yield base / prefix(root)
        finally:
            git(root, "worktree", "remove", "--force", str(base))


def has_results(state: State, *, fresh: bool) -> bool:
    """Tell whether results can be read and, if asked, belong to the state's code and params.

    If a remote is why they cannot, that is said on standard error.
    """
    try:
        results = StateResults(state)
        readable = not results.predictions.empty and results.raw(TEST) is not None
        if results.cross_fitted is not None:
            results.raw(TRAIN)
        return readable and not (fresh and state.stale())
    except RemoteError as error:
        _say(str(error))
        return False
    except ProjectError:
        return False


def _is_made_from_the_same(state: State, workspace: State) -> bool:
    try:
        return not state.stale() and state.lock.sources == workspace.lock.sources
    except ProjectError:
        return False


def reproduce(root: Path, tree: Path, name: str) -> None:
    """Run the pipeline in a work tree, with its own packages if they differ from those here.

    Parameters
    ----------
    root
        Root folder of the project, from which relative sources start.
    tree
        The work tree.
    name
        Of what is run, for messages.

    Raises
    ------
    ProjectError
        The pipeline fails.
    """
    python = Path(sys.executable)
    if (root / REQUIREMENTS).read_bytes() != (tree / REQUIREMENTS).read_bytes():
        _say("  its packages are installed")
        _run(tree, name, "make", "--silent", ".venv/run.ready")
        python = tree / ".venv" / "bin" / "python"
    dvc = (str(python), "-m", "dvc")
    cache = subprocess.run(  # noqa: S603  our own arguments
        [*dvc, "cache", "dir"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    _run(tree, name, *dvc, "cache", "dir", "--local", cache)
    # If this content is stale, it is fetched.
    raw = (root / RAW).parent
    if raw.is_dir():
        shutil.copytree(raw, (tree / RAW).parent, dirs_exist_ok=True)
    _run(tree, name, *dvc, "checkout", "--quiet", "--force", "--allow-missing")
    # All stages but the record: the base of a comparison is no challenger.
    stages = [stage for stage in folder_state(tree).pipeline if stage != RECORDER]
    environment = {
        "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", "")]),
        DVC_ROOT_VARIABLE: str(root.absolute()),  # relative sources start from the project's folder
    }
    _run(tree, name, *dvc, "repro", *stages, environment=environment)


def _run(
    tree: Path, name: str, *command: str, environment: Mapping[str, str] | None = None
) -> None:
    """Run a command in the work tree; say which stages run, and the last lines if it fails."""
    lines = []
    with subprocess.Popen(  # noqa: S603  our own commands
        command,
        cwd=tree,
        env=os.environ | dict(environment or {}),
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
            f"the pipeline of {name} cannot be run: `{' '.join(command[1:4])}` failed there:\n"
            + "\n".join(f"  {line}" for line in lines[-SHOWN:])
        )


def _say(line: str) -> None:
    print(f"ecom: {line}", file=sys.stderr, flush=True)
