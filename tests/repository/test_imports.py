"""Imports are a stage's largest cost: each loads what it uses, and no more."""

import subprocess
import sys

import pytest

from project import ROOT

pytestmark = pytest.mark.slow

NEVER = ["dvc", "mlflow", "pytest", "typer"]
TRAINING = ["pandera", "fsspec", "matplotlib", "shap"]


def modules_loaded_by(stage: str) -> set[str]:
    """Return the modules loaded once a stage's script is imported, before its main runs."""
    code = f"import sys; sys.path.insert(0, 'stages'); import {stage}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("stage", "unused"),
    [
        ("fetch", ["matplotlib", "pandas", "sklearn", "scipy", "pandera", "aiohttp"]),
        ("validate", ["matplotlib", "sklearn", "scipy", "joblib", "fsspec"]),
        ("clean", ["matplotlib", "sklearn", "scipy", "joblib", "pandera", "fsspec"]),
        ("features", [*TRAINING, "sklearn.linear_model", "sklearn.ensemble"]),
        ("baseline", [*TRAINING, "sklearn.ensemble"]),
        ("cv", TRAINING),
        ("tune", TRAINING),
        ("cross_fit", TRAINING),
        ("feature_sets", TRAINING),
        ("refit", TRAINING),
        ("threshold", [*TRAINING, "sklearn.linear_model", "sklearn.ensemble"]),
        ("evaluate", [*TRAINING, "sklearn.model_selection", "sklearn.ensemble"]),
        ("explain", ["pandera", "fsspec", "shap", "sklearn.model_selection"]),
        ("model_card", [*TRAINING, "sklearn", "scipy"]),
        ("track", ["pandera", "shap", "sklearn.ensemble", "sklearn.linear_model"]),
    ],
)
def test_a_stage_loads_nothing_that_it_does_not_use(stage: str, unused: list[str]) -> None:
    assert modules_loaded_by(stage) & {*unused, *NEVER} == set()
