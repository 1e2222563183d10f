"""Imports are a stage's largest cost: each loads what it uses, and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEVER = ["dvc", "matplotlib", "mlflow", "pytest", "typer"]
TRAINING = ["pandera", "fsspec"]


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
        ("fetch", ["pandas", "sklearn", "scipy", "pandera", "aiohttp"]),
        ("validate", ["sklearn", "scipy", "joblib", "fsspec"]),
        ("clean", ["sklearn", "scipy", "joblib", "pandera", "fsspec"]),
        ("features", [*TRAINING, "sklearn.linear_model", "sklearn.ensemble"]),
        ("baseline", [*TRAINING, "sklearn.ensemble"]),
        ("cv", TRAINING),
        ("tune", [*TRAINING]),
        ("evaluate", [*TRAINING, "sklearn.model_selection", "sklearn.ensemble"]),
    ],
)
def test_a_stage_loads_nothing_that_it_does_not_use(stage: str, unused: list[str]) -> None:
    assert modules_loaded_by(stage) & {*unused, *NEVER} == set()
