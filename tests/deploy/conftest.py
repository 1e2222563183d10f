"""A service that answers as the manifests let it: with a key, and with a store."""

from collections.abc import Iterator

import pytest

from ecom.models.pipelines import build_pipeline
from generated import features_and_labels, rows
from packaged import packaged, written
from service import Served, served


@pytest.fixture(scope="package")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve as the manifests do, with a key, and answer and refuse something."""
    folder = tmp_path_factory.mktemp("deployed")
    model = build_pipeline("logistic", seed=0).fit(*features_and_labels())
    package = written(packaged(model, "logistic"), folder / "package")
    store = ("--store", str(folder / "store.db"), "--log-scores")
    with served(package, folder / "log", *store, ECOM_API_KEY="secret") as running:
        assert running.post("/predict", rows(1)[0], Authorization="Bearer secret").status == 200
        assert running.post("/predict", {}, Authorization="Bearer secret").status == 422
        yield running
