"""The graph answers as the model does, for every candidate, feature set and kind of tree."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.preprocessing import MinMaxScaler

from ecom.errors import ExportError
from ecom.models import export as exporting
from ecom.models.candidates import CANDIDATES
from ecom.models.export import export
from ecom.models.pipelines import build_pipeline
from ecom.schema import CATEGORICAL, FEATURE_SETS, FEATURES, FeatureSet
from generated import features_and_labels
from graphs import FitTrees, adding_trees, run_graph

X, Y = features_and_labels()
NUMBERS = ["PageValues", "ExitRates", "Administrative"]


def answers(graph: Any, sessions: pd.DataFrame) -> Any:
    return run_graph(graph, sessions, "log_odds", "probability")


@pytest.fixture
def trees(monkeypatch: pytest.MonkeyPatch) -> FitTrees:
    return adding_trees(monkeypatch, NUMBERS, Y)


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
@pytest.mark.parametrize("candidate", CANDIDATES)
def test_every_candidate_on_every_feature_set(candidate: str, feature_set: FeatureSet) -> None:
    columns = list(FEATURE_SETS[feature_set])
    model = build_pipeline(candidate, feature_set=feature_set, seed=0).fit(X[columns], Y)

    graph = export(candidate, model, columns)
    log_odds, probability = answers(graph, X[columns])

    inputs = {given.name: given.type.tensor_type for given in graph.graph.input}
    assert list(inputs) == columns
    for name, kind in inputs.items():
        assert kind.elem_type == (8 if name in CATEGORICAL else 11)  # text, double
        assert [size.dim_param for size in kind.shape.dim] == ["N"]
    np.testing.assert_allclose(log_odds, model.decision_function(X[columns]), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        probability, model.predict_proba(X[columns])[:, 1], rtol=0, atol=1e-14
    )
    assert log_odds.dtype == probability.dtype == np.float64


def test_the_same_model_gives_the_same_bytes() -> None:
    model = build_pipeline("average", seed=0).fit(X, Y)

    first, second = (export("average", model, list(FEATURES)).SerializeToString() for _ in range(2))

    assert first == second


@pytest.mark.parametrize("forest", [RandomForestClassifier, ExtraTreesClassifier])
def test_a_forest(trees: FitTrees, forest: Any) -> None:
    model = trees(forest(n_estimators=5), "forest", X)

    log_odds, probability = answers(export("trees", model, list(FEATURES)), X)

    np.testing.assert_allclose(probability, model.predict_proba(X)[:, 1], rtol=0, atol=1e-15)
    assert (np.abs(log_odds) <= np.log(1e6)).all()


def test_missing_values_go_where_scikit_learn_sends_them(trees: FitTrees) -> None:
    gaps = X.assign(PageValues=X["PageValues"].where(np.arange(len(X)) % 3 > 0))
    model = trees(HistGradientBoostingClassifier(max_iter=5), "boosted_trees", gaps)

    _, probability = answers(export("trees", model, list(FEATURES)), gaps)

    assert gaps["PageValues"].isna().any()
    np.testing.assert_allclose(probability, model.predict_proba(gaps)[:, 1], rtol=0, atol=1e-15)


@pytest.mark.parametrize("splits", [False, True])
def test_trees_of_a_single_leaf(trees: FitTrees, *, splits: bool) -> None:
    model = trees(HistGradientBoostingClassifier(max_iter=4), "boosted_trees", X)
    predictors = model["model"]._predictors
    assert len(predictors[0][0].nodes) > 1
    for (tree,) in predictors[1:3] if splits else predictors:  # as where no split gains anything
        tree.nodes = tree.nodes[:1].copy()
        tree.nodes["is_leaf"] = 1

    log_odds, _ = answers(export("trees", model, list(FEATURES)), X)

    np.testing.assert_allclose(log_odds, model.decision_function(X), rtol=0, atol=1e-14)


def test_nodes_of_another_layout_are_refused(
    trees: FitTrees, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trees(HistGradientBoostingClassifier(max_iter=2), "boosted_trees", X)
    monkeypatch.setattr(exporting, "BOOSTED_NODE", ("value", "feature"))

    with pytest.raises(ExportError, match=r"expected value, feature, all numeric, got value, cou"):
        export("trees", model, list(FEATURES))


def test_categorical_splits_are_refused(trees: FitTrees) -> None:
    model = trees(HistGradientBoostingClassifier(max_iter=2), "boosted_trees", X)
    model["model"]._predictors[0][0].nodes["is_categorical"] = 1

    with pytest.raises(ExportError, match="all numeric"):
        export("trees", model, list(FEATURES))


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")  # what is not scaled
@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"preprocess__numbers__with_mean": False}, "StandardScaler with with_mean=False has no"),
        ({"preprocess__numbers__with_std": False}, "StandardScaler with with_std=False has no"),
        ({"preprocess__categories__drop": "first"}, "OneHotEncoder with drop='first' has no"),
        ({"preprocess__transformer_weights": {"numbers": 2}}, "weights of preprocessing steps"),
    ],
)
def test_a_parameter_without_a_writer_is_refused(parameters: dict[str, Any], said: str) -> None:
    model = build_pipeline("logistic").set_params(**parameters).fit(X, Y)

    with pytest.raises(ExportError, match=said):
        export("logistic", model, list(FEATURES))


def test_a_step_without_a_writer_is_refused() -> None:
    model = build_pipeline("logistic").set_params(preprocess__numbers=MinMaxScaler()).fit(X, Y)

    with pytest.raises(ExportError, match="step MinMaxScaler has no writer"):
        export("logistic", model, list(FEATURES))
