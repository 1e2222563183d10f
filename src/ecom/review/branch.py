"""A branch against the commit at which it left another one: what a pull request shows."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from ecom.errors import ProjectError
from ecom.project.files import LOCK, RAW, REQUIREMENTS
from ecom.project.lock import RECORDER
from ecom.project.params_file import read_params
from ecom.project.repository import git
from ecom.project.states import State, folder_state, open_state
from ecom.reporting.figures import draw_curves
from ecom.review.outcome import Comparison, StateResults, compare_states
from ecom.review.verdicts import Rules
from ecom.schema import TARGET

CURVES: Final = "curves.png"


@dataclass(frozen=True)
class Review:
    """A comparison of a branch, with the results of both sides."""

    comparison: Comparison
    base: StateResults
    head: StateResults

    def draw(self, path: Path) -> None:
        """Draw PR and ROC curves of both sides, which must be of the same sessions."""
        before, after = self.base, self.head
        figure = draw_curves(
            after.predictions[TARGET],
            {"base": before.side.scores, "head": after.side.scores},
            {"base": before.side.threshold, "head": after.side.threshold},
        )
        figure.savefig(path, dpi=110)


@contextmanager
def review(root: Path, target: str) -> Iterator[Review]:
    """Compare a folder as it stands with the commit at which its branch left another branch.

    The results of that commit come from the DVC cache. If they are not there, the commit's own code
    makes them again, in a work tree of its own.

    Parameters
    ----------
    root
        Root folder of the project, reproduced.
    target
        Branch, or other git revision, that the changes are to go into.

    Raises
    ------
    ParamsError
        A value of params.yaml is not allowed.
    ProjectError
        There is no such branch, or it shares no commit with this one; or the pipeline of the shared
        commit fails.
    """
    rules = Rules.from_params(read_params(root))
    commit = git(root, "merge-base", target, "HEAD")
    if commit is None:
        raise ProjectError(
            f"{target!r} and this branch have no common commit. Check that {target} is a git "
            "revision. If the clone is shallow, `git fetch --unshallow` fetches the full history"
        )
    head_name = str(git(root, "rev-parse", "--short", "HEAD"))
    changed = git(root, "status", "--porcelain")
    head = folder_state(root, f"{head_name} with uncommitted changes" if changed else head_name)
    with _state_with_results(root, commit) as found:
        base = replace(found, name=target, revision=commit)
        comparison = compare_states(base, head, rules)
        committed = open_state(root, "HEAD").stale()
        if committed:
            stale = {**comparison.stale, f"{LOCK} as it is committed": committed}
            comparison = replace(comparison, stale=stale)
        yield Review(comparison, StateResults(base), StateResults(head))


@contextmanager
def _state_with_results(root: Path, commit: str) -> Iterator[State]:
    """Yield the state of a commit whose results can be read: from the cache, or made again."""
    state = open_state(root, commit)
    if _has_results(state):
        yield state
        return
    with TemporaryDirectory() as folder:
        tree = Path(folder) / "base"
        if git(root, "worktree", "add", "--detach", str(tree), commit) is None:
            raise ProjectError(f"git cannot make a work tree of {commit[:7]} in {folder}")
        try:
            _reproduce(root, tree, commit)
            yield folder_state(tree)
        finally:
            git(root, "worktree", "remove", "--force", str(tree))


def _has_results(state: State) -> bool:
    """Tell whether a commit's results belong to its code and can be read."""
    try:
        results = StateResults(state)
        return not state.stale() and bool(len(results.side.scores)) and results.sessions is not None
    except ProjectError:
        return False


def _reproduce(root: Path, tree: Path, commit: str) -> None:
    """Run the pipeline of a commit, with its own packages if they differ from those here."""
    python = Path(sys.executable)
    if (root / REQUIREMENTS).read_bytes() != (tree / REQUIREMENTS).read_bytes():
        _run(tree, commit, "make", "--silent", ".venv/run.ready")
        python = tree / ".venv" / "bin" / "python"
    dvc = (str(python), "-m", "dvc")
    cache = subprocess.run(  # noqa: S603  our own arguments
        [*dvc, "cache", "dir"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    _run(tree, commit, *dvc, "cache", "dir", "--local", cache)
    # Relative sources start from the project's folder. If this content is stale, it is fetched.
    raw = (root / RAW).parent
    if raw.is_dir():
        shutil.copytree(raw, (tree / RAW).parent, dirs_exist_ok=True)
    _run(tree, commit, *dvc, "checkout", "--quiet", "--force", "--allow-missing")
    # All stages but the record: the base of a comparison is no challenger.
    stages = [name for name in folder_state(tree).pipeline if name != RECORDER]
    _run(tree, commit, *dvc, "repro", *stages, path=python.parent)


def _run(tree: Path, commit: str, *command: str, path: Path | None = None) -> None:
    environment = os.environ | (
        {"PATH": os.pathsep.join([str(path), os.environ.get("PATH", "")])} if path else {}
    )
    done = subprocess.run(  # noqa: S603  our own commands
        command, cwd=tree, env=environment, check=False, stdout=sys.stderr
    )
    if done.returncode:
        raise ProjectError(
            f"the pipeline of {commit[:7]} cannot be run: `{' '.join(command[:4])}` failed there"
        )
