"""A branch against the commit at which it left another: what a pull request shows."""

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
from ecom.pictures import draw_curves
from ecom.repository import git
from ecom.review.comparison import Comparison, Results, compare_states
from ecom.review.verdicts import Rules
from ecom.schema import TARGET
from ecom.states import RECORDER, State, folder_state, open_state

CURVES: Final = "curves.png"


@dataclass(frozen=True)
class Review:
    """A comparison of a branch, with the states behind it."""

    comparison: Comparison
    base: Results
    head: Results

    def draw(self, path: Path) -> None:
        """Draw PR and ROC curves of both sides, where they are of the same sessions."""
        before, after = self.base, self.head
        figure = draw_curves(
            after.predictions[TARGET],
            {"base": before.side.scores, "head": after.side.scores},
            {"base": before.side.threshold, "head": after.side.threshold},
        )
        figure.savefig(path, dpi=110)


@contextmanager
def review(root: Path, target: str) -> Iterator[Review]:
    """Compare a folder as it stands with the commit at which its branch left another.

    What that commit found is taken from the DVC cache where it is there, else made anew by its own
    code, in a work tree of its own.

    Parameters
    ----------
    root
        Of the project, reproduced.
    target
        Branch, or another git revision, that the changes are to go into.

    Raises
    ------
    ProjectError
        There is no such branch, or none that shares a commit; the pipeline of that commit fails.
    """
    commit = git(root, "merge-base", target, "HEAD")
    if commit is None:
        raise ProjectError(
            f"{target!r} and this branch share no commit: is it a git revision, and is the whole "
            "history here? `git fetch --unshallow` brings it"
        )
    here = git(root, "rev-parse", "--short", "HEAD")
    changed = git(root, "status", "--porcelain")
    head = folder_state(root, f"{here} with uncommitted changes" if changed else str(here))
    rules = Rules.from_params(head.params)
    with _results_of(root, commit) as found:
        base = replace(found, name=target, revision=commit)
        comparison = compare_states(base, head, rules)
        committed = open_state(root, "HEAD").stale()
        if committed:
            stale = {**comparison.stale, "dvc.lock as it is committed": committed}
            comparison = replace(comparison, stale=stale)
        yield Review(comparison, Results(base), Results(head))


@contextmanager
def _results_of(root: Path, commit: str) -> Iterator[State]:
    """Yield the state of a commit, from the cache or made anew."""
    state = open_state(root, commit)
    if _is_whole(state):
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


def _is_whole(state: State) -> bool:
    """Tell whether a commit's results are of its code, and to be had."""
    try:
        results = Results(state)
        return not state.stale() and bool(len(results.side.scores)) and results.sessions is not None
    except ProjectError:
        return False


def _reproduce(root: Path, tree: Path, commit: str) -> None:
    """Run the pipeline of a commit, with its own packages where they are others than here."""
    python = Path(sys.executable)
    if (root / "requirements.txt").read_bytes() != (tree / "requirements.txt").read_bytes():
        _run(tree, commit, "make", "--silent", ".venv/run.ready")
        python = tree / ".venv" / "bin" / "python"
    dvc = (str(python), "-m", "dvc")
    cache = subprocess.run(  # noqa: S603  our own arguments
        [*dvc, "cache", "dir"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    _run(tree, commit, *dvc, "cache", "dir", "--local", cache)
    raw = root / "data" / "raw"
    if raw.is_dir():  # sources are spelled from the project's folder; stale content is fetched anew
        shutil.copytree(raw, tree / "data" / "raw", dirs_exist_ok=True)
    _run(tree, commit, *dvc, "checkout", "--quiet", "--force", "--allow-missing")
    # All but the record: the base of a comparison is no challenger.
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
