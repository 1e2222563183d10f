"""A package of a small model, and files of sessions to compare."""

from pathlib import Path

import pandas as pd
import pytest

from ecom.data.synthetic import generate_sessions
from ecom.models.pipelines import build_pipeline
from ecom.serving.package import Package, open_package
from generated import features_and_labels
from packaged import packaged, written


@pytest.fixture(scope="package")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a package."""
    model = build_pipeline("logistic", seed=0).fit(*features_and_labels())
    return written(packaged(model, "logistic"), tmp_path_factory.mktemp("drift") / "package")


@pytest.fixture(scope="package")
def opened(package: Path) -> Package:
    return open_package(package)


@pytest.fixture(scope="package")
def sessions() -> pd.DataFrame:
    """Return raw sessions, in no order."""
    return generate_sessions(3000, seed=11).sample(frac=1, random_state=1, ignore_index=True)


@pytest.fixture
def reference(sessions: pd.DataFrame, tmp_path: Path) -> str:
    """Return a file of half of the sessions; the other half is new."""
    path = tmp_path / "reference.csv"
    sessions[:1500].to_csv(path, index=False)
    return str(path)
