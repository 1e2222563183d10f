"""A package, made of a small model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecom.evaluation.counts import count_flagged
from ecom.evaluation.curves import sweep
from ecom.models.packaging import Findings, Fitted, package
from ecom.models.pipelines import build_pipeline
from ecom.params.package import Package
from ecom.params.threshold import Costs
from generated import features_and_labels
from service import Served, served

SESSIONS, LABELS = features_and_labels()
THRESHOLD: Any = {
    "threshold": 0.15,
    "strategy": "minimum_cost",
    "costs": {"false_positive": 1.0, "false_negative": 5.0},
}
EVALUATE: Any = {
    "data": "real",
    "best_model": {"pr_auc": 0.7},
    "intervals": {"best_model": {"pr_auc": [0.6, 0.8]}},
}


@pytest.fixture(scope="session")
def made() -> tuple[Any, dict[str, bytes]]:
    """Return a model, and the files of its package."""
    model = build_pipeline("average", seed=0).fit(SESSIONS, LABELS)
    counts = count_flagged(LABELS, model.predict_proba(SESSIONS)[:, 1])
    table = sweep(counts, Costs.model_validate(THRESHOLD["costs"]), THRESHOLD["threshold"])
    files, _ = package(
        Fitted("average", "end_of_session", model),
        Findings(
            THRESHOLD,
            EVALUATE,
            table.to_csv(index=False).encode(),
            b"# Card\n",
            {"models/best_model.joblib": "0" * 32},
        ),
        {"sessions": SESSIONS},
        Package(rows=100, golden=5, seed=0),
    )
    return model, files


@pytest.fixture
def folder(made: tuple[Any, dict[str, bytes]], tmp_path: Path) -> Path:
    """Return the folder of a package."""
    return written(made[1], tmp_path)


@pytest.fixture(scope="module")
def service(
    made: tuple[Any, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Serve the package in a process of its own, with small limits."""
    folder = tmp_path_factory.mktemp("service")
    options = ("--max-bytes", "100000", "--max-sessions", "100", "--timeout", "2")
    package = written(made[1], folder / "package")
    with served(package, folder / "log", *options, ECOM_ADMIN_KEY="boss") as running:
        yield running


def written(files: dict[str, bytes], folder: Path) -> Path:
    """Write the files of a package."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
