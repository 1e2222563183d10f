"""Where a state of the pipeline comes from: commit, data, knobs, model, each by its hash."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ecom.repository import git
from ecom.states import RAW, State, key_of, stages_of
from ecom.tracking.runs import MODEL

PREFIX: Final = "ecom."  # of tags that are ours
EXPERIMENT_VARIABLE: Final = "DVC_EXP_NAME"  # set by `dvc exp run` for the stages it runs


@dataclass(frozen=True)
class Provenance:
    """What identifies a state; each becomes a tag of its runs.

    Attributes
    ----------
    state
        SHA-256 of what dvc.lock records of the stages but track (`State.key`). That of the file
        itself would not be known in time: DVC writes track's own entry after it.
    commit
        HEAD, where the project is a git repository, else empty.
    dirty
        ``true`` where the commit does not hold this state, as before it is committed.
    params, raw_data, model
        MD5 of params.yaml, the raw data and the model, as DVC records them.
    experiment
        Name of the DVC experiment under which it ran, else empty.
    """

    state: str
    commit: str
    dirty: str
    params: str
    raw_data: str
    model: str
    experiment: str

    def tags(self) -> dict[str, str]:
        """Return the tags of a run."""
        return {f"{PREFIX}{name}": value for name, value in asdict(self).items() if value}


def provenance_of(root: Path, state: State) -> Provenance:
    """Return where the state of a folder comes from."""
    made = {out["path"]: out["md5"] for out in state.outs}
    commit = git(root, "rev-parse", "HEAD")
    return Provenance(
        state=state.key,
        commit=commit or "",
        dirty=str(commit is None or key_at(root, commit) != state.key).lower(),
        params=state.md5("params.yaml") or "",
        raw_data=next((md5 for path, md5 in made.items() if path.startswith(RAW)), ""),
        model=made.get(MODEL, ""),
        experiment=os.environ.get(EXPERIMENT_VARIABLE, ""),
    )


def key_at(root: Path, commit: str) -> str | None:
    """Return the key of the state that a commit holds, None where it holds none."""
    stages = stages_of(git(root, "show", f"{commit}:./dvc.lock") or "")
    return key_of(stages) if stages else None
