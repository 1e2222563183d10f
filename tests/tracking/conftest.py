"""A folder that holds the committed results, with generated scores and trials beside them."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from ecom.project.files import PACKAGE, PREDICTIONS, TRIALS
from ecom.project.states import State, folder_state
from ecom.schema import TARGET
from ecom.serving.manifest import MANIFEST
from project import ROOT, metrics_of
from scored import calibrated

COPIED = ("dvc.lock", "dvc.yaml", "params.yaml", "requirements.txt", "docs/model_card.md")


@pytest.fixture
def finished(tmp_path: Path) -> State:
    """Return the state of a folder in which all stages have run."""
    shutil.copytree(ROOT / "metrics", tmp_path / "metrics")
    for name in COPIED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    labels, scores = calibrated(300)
    predictions = pd.DataFrame({TARGET: labels, "baseline": scores, "best_model": scores})
    best = metrics_of(ROOT, "tune")["best_params"]
    trial = {
        "trial": 1,
        "pr_auc": 0.7,
        "pr_auc_sd": 0.1,
        "pr_auc_fold_1": 0.6,
        "pr_auc_fold_2": 0.8,
    }
    trial |= {"roc_auc": 0.9, "roc_auc_sd": 0.0, "roc_auc_fold_1": 0.9, "roc_auc_fold_2": 0.9}
    for path in (PREDICTIONS, TRIALS):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    predictions.to_parquet(tmp_path / PREDICTIONS)
    pd.DataFrame([trial | best]).to_csv(tmp_path / TRIALS, index=False)
    (tmp_path / PACKAGE).mkdir(parents=True)
    (tmp_path / PACKAGE / MANIFEST).write_bytes(b"{}")
    return folder_state(tmp_path)
