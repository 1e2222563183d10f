"""The shipped model answers with a probability and a decision, as the package does."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ecom.digits import round_scores
from ecom.errors import DataError, PackageError
from ecom.models.pipelines import build_pipeline
from ecom.schema import FEATURE_SETS
from ecom.tracking.answering import PurchaseModel
from generated import features_and_labels
from packaged import packaged, written

SESSIONS, LABELS = features_and_labels()
COLUMNS = list(FEATURE_SETS["at_arrival"])


@pytest.fixture(scope="module")
def made() -> tuple[Any, dict[str, bytes]]:
    pipeline = build_pipeline("logistic", feature_set="at_arrival").fit(SESSIONS[COLUMNS], LABELS)
    return pipeline, packaged(pipeline, "logistic", "at_arrival")


def test_it_answers_with_the_probability_and_the_decision_by_its_threshold(
    made: tuple[Any, dict[str, bytes]], tmp_path: Path
) -> None:
    pipeline, files = made
    context = SimpleNamespace(artifacts={"package": str(written(files, tmp_path))})
    model = PurchaseModel()
    model.load_context(context)

    answers = model.predict(None, SESSIONS)

    expected = round_scores(pipeline.predict_proba(SESSIONS[COLUMNS])[:, 1])
    np.testing.assert_allclose(answers["probability"], expected, rtol=0, atol=1e-12)
    assert (answers["decision"] == (answers["probability"] >= 0.15)).all()
    assert answers.index.equals(SESSIONS.index)
    assert model.predict(None, SESSIONS[COLUMNS]).equals(answers)
    assert model.predict(None, SESSIONS.head(0)).shape == (0, 2)
    with pytest.raises(DataError, match="Month must be one of"):
        model.predict(None, SESSIONS.assign(Month="Smarch"))


def test_it_loads_no_package_that_was_changed(
    made: tuple[Any, dict[str, bytes]], tmp_path: Path
) -> None:
    folder = written(made[1] | {"model.onnx": b"graph"}, tmp_path)

    with pytest.raises(PackageError, match=r"model\.onnx has 5 bytes"):
        PurchaseModel().load_context(SimpleNamespace(artifacts={"package": str(folder)}))
