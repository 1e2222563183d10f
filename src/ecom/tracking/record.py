"""Recording the state of a folder: the one entry point, for the stage and for the command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecom.project.files import PACKAGE, TRAIN
from ecom.project.states import folder_state
from ecom.schema import FEATURE_SETS
from ecom.tracking.provenance import Provenance, provenance_of
from ecom.tracking.runs import runs_of
from ecom.tracking.store import Store

EXAMPLES: Final = 3  # sessions that are logged with the model


@dataclass(frozen=True)
class Recorded:
    """Where a state is recorded: the id of its parent run, and the address of MLflow."""

    run_id: str
    address: str
    origin: Provenance


def record(root: Path) -> Recorded:
    """Record the state of a folder in MLflow. Calling it again adds no second record.

    Raises
    ------
    ProjectError
        The results do not belong to the code, data and params beside them.
    TrackingError
        MLflow does not answer, or not in time. The next call deletes a half-written record and
        starts again.
    """
    state = folder_state(root)
    state.require_fresh()
    origin = provenance_of(root, state)
    run = runs_of(state, origin.name)
    columns = FEATURE_SETS[state.metrics["evaluate"]["feature_set"]]
    package = {
        Path(path).name: state.read(path)
        for path in state.lock.outs
        if path.startswith(f"{PACKAGE}/")
    }
    example = state.table(TRAIN)[list(columns)].head(EXAMPLES)
    store = Store(root)
    return Recorded(store.log(run, state, origin, package, example), store.address, origin)
