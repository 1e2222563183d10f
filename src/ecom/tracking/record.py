"""Recording the state of a folder: the one entry point, for the stage and for the command."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import joblib

from ecom.features import add_features  # noqa: F401  the model unpickles it and the next
from ecom.models.averaging import LogOddsAverage  # noqa: F401
from ecom.project.files import BEST_MODEL, TRAIN
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
    from ecom.tracking.answering import PurchaseModel

    columns = FEATURE_SETS[state.metrics["evaluate"]["feature_set"]]
    model = PurchaseModel(
        joblib.load(BytesIO(state.read(BEST_MODEL))),
        columns,
        state.metrics["threshold"]["threshold"],
    )
    example = state.table(TRAIN)[list(columns)].head(EXAMPLES)
    store = Store(root)
    return Recorded(store.log(run, state, origin, model, example), store.address, origin)
