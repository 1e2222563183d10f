"""Where a state of the pipeline comes from: commit, data, params, model, each by its hash."""

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ecom.project.files import BEST_MODEL, LOCK, PACKAGE, PARAMS
from ecom.project.lock import Lock
from ecom.project.repository import git
from ecom.project.states import State
from ecom.serving.manifest import MANIFEST

PREFIX: Final = "ecom."  # of our own tags
EXPERIMENT_VARIABLE: Final = "DVC_EXP_NAME"  # `dvc exp run` sets it for the stages that it runs


@dataclass(frozen=True)
class Provenance:
    """What identifies a state; each attribute becomes a tag of its runs.

    Attributes
    ----------
    state
        SHA-256 of what dvc.lock records of the stages other than track (`Lock.key`). The hash of
        dvc.lock itself cannot be used: DVC writes track's own entry only after track has run.
    commit
        HEAD; empty if the project is not a git repository.
    dirty
        ``true`` if the commit does not contain this state, for example because it is not committed
        yet.
    params, raw_data, model
        MD5 of params.yaml, the raw data and the model, as DVC records them.
    package
        SHA-256 of the package's manifest, which the service names with each answer.
    experiment
        Name of the DVC experiment that ran it; else empty.
    """

    state: str
    commit: str
    dirty: str
    params: str
    raw_data: str
    model: str
    package: str
    experiment: str

    @property
    def name(self) -> str:
        """For people: the experiment; else the commit, and whether it holds the state."""
        changes = " with changes" if self.dirty == "true" else ""
        return self.experiment or (self.commit[:7] + changes if self.commit else self.state[:7])

    def tags(self) -> dict[str, str]:
        """Return the tags of a run."""
        return {f"{PREFIX}{name}": value for name, value in asdict(self).items() if value}


def provenance_of(root: Path, state: State) -> Provenance:
    """Return where the state of a folder comes from."""
    commit = git(root, "rev-parse", "HEAD")
    committed = lock_at(root, commit) if commit else None
    manifest = f"{PACKAGE}/{MANIFEST}"
    return Provenance(
        state=state.lock.key,
        commit=commit or "",
        dirty=str(committed is None or committed.key != state.lock.key).lower(),
        params=state.md5(PARAMS) or "",
        raw_data=state.lock.raw_data or "",
        model=state.lock.outs.get(BEST_MODEL, ""),
        package=hashlib.sha256(state.read(manifest)).hexdigest() if state.holds(manifest) else "",
        experiment=os.environ.get(EXPERIMENT_VARIABLE, ""),
    )


def lock_at(root: Path, commit: str) -> Lock | None:
    """Return the dvc.lock of a commit; None if it has none, or a damaged one."""
    return parsed_lock(git(root, "show", f"{commit}:./{LOCK}"))


def parsed_lock(text: str | None) -> Lock | None:
    """Return the dvc.lock of this text; None if there is no text, or the text is damaged."""
    try:
        return Lock.parse(text) if text else None
    except ValueError:
        return None
