"""Recording the state of a folder: the one way in, for the stage and for the command."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import joblib

from ecom.averaging import LogOddsAverage  # noqa: F401  the model unpickles it, as the next
from ecom.features import add_features  # noqa: F401
from ecom.schema import FEATURES
from ecom.states import folder_state
from ecom.tracking.provenance import Provenance, provenance_of
from ecom.tracking.runs import MODEL, runs_of
from ecom.tracking.store import Store

TRAINING: Final = "data/features/train.parquet"
EXAMPLES: Final = 3  # sessions, logged with the model


@dataclass(frozen=True)
class Tracked:
    """Where a state stands in the record: the id of its parent run, and the address of MLflow."""

    run_id: str
    address: str
    origin: Provenance


def record(root: Path) -> Tracked:
    """Record the state of a folder in MLflow, once however often it is asked for.

    Raises
    ------
    ProjectError
        The results are not of the code, data and knobs beside them.
    TrackingError
        MLflow does not answer, or not in time; what was begun is begun anew the next time.
    """
    state = folder_state(root)
    state.require_fresh()
    origin = provenance_of(root, state)
    run = runs_of(state, origin.experiment or origin.commit[:7] or origin.state[:7])
    model = joblib.load(BytesIO(state.read(MODEL)))
    example = state.table(TRAINING)[list(FEATURES)].head(EXAMPLES)
    store = Store(root)
    return Tracked(store.log(run, state, origin, model, example), store.address, origin)
