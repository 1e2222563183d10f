"""A package holds what a stranger needs; one that answers otherwise is never made."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import spox.opset.ai.onnx.v21 as op

from ecom.errors import ExportError
from ecom.models import export as exporting
from ecom.models import export_explanation as explaining
from ecom.models.packaging import Findings, Fitted, package
from ecom.models.pipelines import build_pipeline
from ecom.params.package import Package
from ecom.schema import FEATURE_SETS, FEATURES, FeatureSet
from ecom.serving.manifest import Manifest
from generated import features_and_labels
from packaged import EVALUATE, THRESHOLD

X, Y = features_and_labels()


def packaged(
    candidate: str = "hist_gradient_boosting",
    feature_set: FeatureSet = "end_of_session",
    train: pd.DataFrame = X,
) -> tuple[dict[str, bytes], dict[str, float]]:
    columns = list(FEATURE_SETS[feature_set])
    model = build_pipeline(candidate, feature_set=feature_set, seed=0).fit(train[columns], Y)
    return package(
        Fitted(candidate, feature_set, model),
        Findings(
            THRESHOLD,
            EVALUATE,
            b"threshold\n0.5\n",
            b"# Card\n",
            b'{"format": 1}',
            {"models/best_model.joblib": "1" * 32},
        ),
        {"training rows": train},
        Package(rows=500, golden=7, seed=0),
    )


def test_it_holds_graph_manifest_golden_answers_and_card() -> None:
    files, gaps = packaged()

    assert set(files) == {
        *("explain.onnx", "golden.json", "manifest.json", "model.onnx", "model_card.md"),
        *("profile.json", "thresholds.csv", "trained_on.bin"),
    }
    manifest = Manifest.parse(files["manifest.json"])
    assert (manifest.threshold, manifest.strategy) == (0.15, "minimum_cost")
    assert manifest.data == "synthetic"
    assert manifest.figures["pr_auc"].interval == (0.6, 0.8)
    assert manifest.made_of == {"models/best_model.joblib": "1" * 32}
    assert set(manifest.files) == set(files) - {"manifest.json"}
    assert len(gaps) == 6
    assert max(gaps.values()) < 1e-14


def test_golden_sessions_are_at_bounds_and_next_to_splits() -> None:
    golden = json.loads(packaged()[0]["golden.json"])

    places = [case["where"] for case in golden]
    assert places[:5] == [
        "a typical session",
        "a typical session: VisitorType is New_Visitor",
        "a typical session: VisitorType is Other",
        "a typical session: VisitorType is Returning_Visitor",
        "a typical session: PageValues is above 0",
    ]
    assert "Month is Unknown" in places
    assert "PageValues is 1000000000" in places
    assert sum(", by " in place for place in places) == 7
    assert places.count("next to the threshold") == 2
    for case in golden:
        assert list(case["session"]) == sorted(FEATURES)
        assert isinstance(case["session"]["Weekend"], bool)
        assert case["flagged"] == (case["probability"] >= 0.15)


def test_a_model_of_other_columns_is_packaged_with_these_alone() -> None:
    files, _ = packaged("average", "at_arrival")

    manifest = Manifest.parse(files["manifest.json"])
    assert tuple(column.name for column in manifest.columns) == FEATURE_SETS["at_arrival"]


def test_the_same_model_gives_the_same_bytes() -> None:
    assert packaged()[0] == packaged()[0]


def test_a_graph_in_single_precision_is_never_packaged(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = exporting.EXPORTERS["boosted_trees"]

    def narrow(model: Any, matrix: Any) -> Any:
        single = op.cast(matrix, to=np.float32)
        return exact(model, op.cast(single, to=np.float64))

    monkeypatch.setattr(exporting, "EXPORTERS", {**exporting.EXPORTERS, "boosted_trees": narrow})

    with pytest.raises(ExportError, match="the graph differs from the model on"):
        packaged()


def test_contributions_that_do_not_add_up_are_never_packaged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact = explaining.EXPLANATIONS["boosted_trees"]

    def shifted(model: Any, matrix: Any, mean: Any) -> Any:
        found = exact(model, matrix, mean)
        return found._replace(base=found.base + 1e-6)

    monkeypatch.setattr(explaining, "EXPLANATIONS", {"boosted_trees": shifted})

    with pytest.raises(ExportError, match=r"the contributions of explain\.onnx differ"):
        packaged()


def test_contributions_of_many_millions_are_held_to_their_size() -> None:
    nearly_constant = X.assign(PageValues=X["PageValues"] * 1e-7)

    gaps = packaged("logistic", train=nearly_constant)[1]

    assert 0 < gaps["the log-odds that contributions add up to"] < 1e-14
