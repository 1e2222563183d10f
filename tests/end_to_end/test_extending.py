"""docs/extending.md: one entry adds a candidate or a metric, from params.yaml to the model card."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecom.evaluation.metrics import METRICS, Metric, Sample
from ecom.features import RATIOS, TOTALS, known_columns
from ecom.models.candidates import CANDIDATES, Candidate, Domain, Parts, pass_columns
from ecom.schema import NUMERIC, FeatureSet
from in_process import RESULTS, Graph, graph

FORESTS = {"random_forest": "RandomForestClassifier", "extra_trees": "ExtraTreesClassifier"}
TREES = {"min_samples_leaf": {"distribution": "integer", "low": 2, "high": 20}}
SMALL = {
    "data.source": "synthetic",
    "data.synthetic.rows": 1000,
    "validate.min_rows": 200,
    "folds.n_splits": 2,
    "tune.n_iter": 2,
    "cross_fit.repeats": 2,
    "tune.n_jobs": 1,
    "bootstrap.resamples": 100,
    "explain.rows": 50,
}


def forest(class_name: str) -> Callable[[FeatureSet], Parts]:
    """Return the builder of a forest."""

    def build(feature_set: FeatureSet) -> Parts:
        import sklearn.ensemble

        columns = known_columns([*NUMERIC, *TOTALS, *RATIOS], feature_set)
        model = getattr(sklearn.ensemble, class_name)(n_estimators=30, min_samples_leaf=5)
        return Parts(columns, pass_columns(columns), model)

    return build


def with_candidate(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> Graph:
    """Return a graph to which one entry adds a candidate."""
    candidate = Candidate(
        description=f"a forest of the kind {name}",
        build=forest(FORESTS[name]),
        hyperparameters={"min_samples_leaf": Domain(1, 1_000_000, whole=True)},
        explainer="forest",
    )
    monkeypatch.setitem(CANDIDATES, name, candidate)
    return graph(folder, monkeypatch, {**SMALL, "cv.candidates": [name], **changes})


@pytest.mark.parametrize("name", FORESTS)
def test_one_entry_adds_a_candidate_up_to_the_model_card(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_candidate(name, tmp_path, monkeypatch, {f"tune.distributions.{name}": TREES})

    assert project.run(*RESULTS) is None

    metrics = project.metrics()
    assert metrics["cv"]["selected"] == name
    assert set(metrics["tune"]["best_params"]) == {"min_samples_leaf"}
    assert (
        metrics["evaluate"]["best_model"]["pr_auc"] > metrics["features"]["test"]["positive_rate"]
    )
    assert max(metrics["explain"]["importance"].values()) > 0
    card = (tmp_path / "docs" / "model_card.md").read_text(encoding="utf-8")
    assert f"a forest of the kind {name}" in card


@pytest.mark.parametrize(
    ("distributions", "told"),
    [
        ({}, "random_forest"),
        (
            {"random_forest": {"depth": {"distribution": "uniform", "low": 0, "high": 1}}},
            "tune.distributions.random_forest.depth: unknown key; known are min_samples_leaf",
        ),
        (
            {
                "random_forest": {
                    "min_samples_leaf": {"distribution": "integer", "low": 0, "high": 9}
                }
            },
            "tune.distributions.random_forest.min_samples_leaf",
        ),
    ],
    ids=["without ranges", "unknown hyperparameter", "out of bounds"],
)
def test_what_a_new_candidate_lacks_is_told_by_the_first_stage(
    distributions: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {f"tune.distributions.{name}": value for name, value in distributions.items()}
    project = with_candidate("random_forest", tmp_path, monkeypatch, changes)

    stopped = project.run(*RESULTS)

    assert stopped is not None
    stage, said = stopped
    assert stage == "fetch"
    assert told in said
    assert "Traceback" not in said


def test_one_entry_adds_a_metric_up_to_the_model_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def f1(sample: Sample) -> Any:
        precision, recall = sample.point.precision[:, 0], sample.point.recall[:, 0]
        return 2 * precision * recall / (precision + recall)

    monkeypatch.setitem(METRICS, "f1", Metric("F1 at the threshold", f1, needs=("threshold",)))
    project = graph(
        tmp_path,
        monkeypatch,
        {**SMALL, "cv.candidates": ["logistic"], "review.shown": ["f1"]},
    )

    assert project.run(*RESULTS) is None

    found = project.metrics()["evaluate"]["best_model"]
    precision, recall = found["precision"], found["recall"]
    assert found["f1"] == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-5)
    assert "F1 at the threshold" in (tmp_path / "docs" / "model_card.md").read_text("utf-8")
