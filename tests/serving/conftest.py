"""A package, made of a small model, and a service that answers with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecom.models.pipelines import build_pipeline
from generated import features_and_labels
from packaged import packaged, written
from service import Served, served


@pytest.fixture(scope="session")
def made() -> tuple[Any, dict[str, bytes]]:
    """Return a model, and the files of its package."""
    model = build_pipeline("average", seed=0).fit(*features_and_labels())
    return model, packaged(model, "average")


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
