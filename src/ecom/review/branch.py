"""A branch against the commit at which it left another one: what a pull request shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ecom.errors import ProjectError
from ecom.project.files import LOCK
from ecom.project.params_file import read_params
from ecom.project.repository import git, require_history
from ecom.project.states import folder_state, open_state
from ecom.reporting.figures import draw_curves
from ecom.review.obtaining import obtained
from ecom.review.outcome import SIDES, Comparison, Shared, StateResults, compare_states
from ecom.review.verdicts import Rules

CURVES: Final = "curves.png"


@dataclass(frozen=True)
class Review:
    """A comparison of a branch, with the results of both sides."""

    comparison: Comparison
    base: StateResults
    head: StateResults

    def draw(self, path: Path) -> None:
        """Draw PR and ROC curves of both sides, on the sessions that both scored."""
        shared = Shared.of_states(self.base, self.head)
        if shared is None:
            raise ValueError("a side has no scores")
        sides = dict(zip(SIDES, shared.sides, strict=True))
        figure = draw_curves(
            shared.labels[1],
            {name: side.scores.mean(axis=0) for name, side in sides.items()},
            {name: side.threshold for name, side in sides.items()},
        )
        figure.savefig(path, dpi=110)


@contextmanager
def review(root: Path, target: str) -> Iterator[Review]:
    """Compare a folder as it stands with the commit at which its branch left another branch.

    The results of that commit are `obtained`.

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
    require_history(root)
    commit = git(root, "merge-base", target, "HEAD")
    if commit is None:
        raise ProjectError(
            f"{target!r} and this branch have no common commit. Check that {target} is a git "
            "revision. If the clone is shallow, `git fetch --unshallow` fetches the full history"
        )
    head_name = str(git(root, "rev-parse", "--short", "HEAD"))
    changed = git(root, "status", "--porcelain")
    head = folder_state(root, f"{head_name} with uncommitted changes" if changed else head_name)
    # A base whose lock does not belong to its code would not show what the branch has changed.
    with obtained(root, replace(open_state(root, commit), name=target), fresh=True) as base:
        comparison = compare_states(base, head, rules)
        committed = open_state(root, "HEAD").stale()
        if committed:
            stale = {**comparison.stale, f"{LOCK} as it is committed": committed}
            comparison = replace(comparison, stale=stale)
        yield Review(comparison, StateResults(base), StateResults(head))
