"""A saved view of MLflow's list of runs: the figures by which states are compared.

The list shows no metrics unless somebody chooses them. MLflow keeps a saved view as a tag of the
experiment, as its own page writes it ("Views, Save as new view"): a name, times, and the page's
settings.
"""

import base64
import json
import zlib
from typing import Any, Final

from ecom.evaluation.metrics import COST

KEY: Final = "figures"  # in the address of the view
TAG: Final = f"mlflow.sharedViewState.{KEY}"
SHOWN: Final = ("pr_auc", "roc_auc", COST, "precision", "recall", "threshold")
SETTINGS: Final[dict[str, Any]] = {
    "searchFilter": "",
    "orderByKey": "attributes.start_time",
    "orderByAsc": False,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "datasetsFilter": [],
    "modelVersionFilter": "All Runs",
    "selectedColumns": ["attributes.`Models`", *(f"metrics.`{name}`" for name in SHOWN)],
    "columnOrder": [],
    "columnWidths": {},
    "runsHiddenMode": "FIRST_10_RUNS",
    "viewMaximized": False,
    "runListHidden": False,
    "groupBy": None,
}


def figures_view() -> str:
    """Return the value of the tag `TAG`."""
    settings = zlib.compress(json.dumps(SETTINGS).encode())
    state = f"deflate;{base64.b64encode(settings).decode()}"
    return json.dumps({"name": "Figures", "createdAt": 0, "updatedAt": 0, "state": state})


def link(experiment: str) -> str:
    """Return a link to the view, from any page of MLflow, as Markdown."""
    return f"[with their figures](#/experiments/{experiment}/runs?viewStateShareKey={KEY})"
