"""A package, made of a small model."""

from pathlib import Path
from typing import Any

import pytest

from ecom.models.packaging import Findings, Fitted, package
from ecom.models.pipelines import build_pipeline
from ecom.params.package import Package
from generated import features_and_labels

SESSIONS, LABELS = features_and_labels()
THRESHOLD: Any = {
    "threshold": 0.15,
    "strategy": "minimum_cost",
    "costs": {"false_positive": 1.0, "false_negative": 5.0},
}
EVALUATE: Any = {"best_model": {"pr_auc": 0.7}, "intervals": {"best_model": {"pr_auc": [0.6, 0.8]}}}


@pytest.fixture(scope="session")
def made() -> tuple[Any, dict[str, bytes]]:
    """Return a model, and the files of its package."""
    model = build_pipeline("average", seed=0).fit(SESSIONS, LABELS)
    files, _ = package(
        Fitted("average", "end_of_session", model),
        Findings(THRESHOLD, EVALUATE, b"# Card\n", {"models/best_model.joblib": "0" * 32}),
        {"sessions": SESSIONS},
        Package(rows=100, golden=5, seed=0),
    )
    return model, files


@pytest.fixture
def folder(made: tuple[Any, dict[str, bytes]], tmp_path: Path) -> Path:
    """Return the folder of a package."""
    for name, content in made[1].items():
        (tmp_path / name).write_bytes(content)
    return tmp_path
