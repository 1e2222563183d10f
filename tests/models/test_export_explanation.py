"""The explanation as a graph is that of shap and of `ecom.models.explanation`, to 1e-9."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from ecom.models.candidates import CANDIDATES
from ecom.models.explanation import explain
from ecom.models.export_explanation import export_explanation
from ecom.models.pipelines import build_pipeline
from ecom.schema import FEATURE_SETS, FEATURES, FeatureSet
from generated import features_and_labels
from graphs import adding_trees, run_graph

X, Y = features_and_labels()
NUMBERS = ["PageValues", "ExitRates", "Administrative", "ProductRelated"]


def explained(candidate: str, model: Any, columns: list[str], sessions: pd.DataFrame = X) -> Any:
    graph = export_explanation(candidate, model, columns, X[columns])
    return run_graph(graph, sessions, "contributions", "base")


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
@pytest.mark.parametrize("candidate", CANDIDATES)
def test_every_candidate_is_explained_as_by_shap(candidate: str, feature_set: FeatureSet) -> None:
    columns = list(FEATURE_SETS[feature_set])
    model = build_pipeline(candidate, feature_set=feature_set, seed=0).fit(X[columns], Y)

    contributions, base = explained(candidate, model, columns)

    expected = explain(candidate, model, X[columns], X[columns])
    assert contributions.shape == (len(X), len(FEATURES))
    np.testing.assert_allclose(contributions, expected.contributions, rtol=0, atol=1e-9)
    assert base.tolist() == pytest.approx([expected.base], abs=1e-9)


@pytest.mark.parametrize(
    ("trees", "explainer"),
    [
        (RandomForestClassifier(n_estimators=4, max_depth=5), "forest"),
        (HistGradientBoostingClassifier(max_iter=3, max_depth=1), "boosted_trees"),
        (HistGradientBoostingClassifier(max_iter=5), "boosted_trees"),
        # No split gains anything: every tree is a single leaf.
        (HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=500), "boosted_trees"),
    ],
)
def test_trees_of_all_kinds_and_sizes(
    monkeypatch: pytest.MonkeyPatch, trees: Any, explainer: Any
) -> None:
    model = adding_trees(monkeypatch, NUMBERS, Y)(trees, explainer, X)

    contributions, base = explained("trees", model, list(FEATURES))

    expected = explain("trees", model, X, X)
    np.testing.assert_allclose(contributions, expected.contributions, rtol=0, atol=1e-9)
    assert base.tolist() == pytest.approx([expected.base], abs=1e-9)


def test_missing_values_follow_the_path_that_the_model_sends_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gaps = X.assign(PageValues=X["PageValues"].where(np.arange(len(X)) % 3 > 0))
    trees = HistGradientBoostingClassifier(max_iter=5)
    model = adding_trees(monkeypatch, NUMBERS, Y)(trees, "boosted_trees", gaps)

    contributions, base = explained("trees", model, list(FEATURES), gaps)

    sums = contributions.sum(axis=1) + base
    np.testing.assert_allclose(sums, model.decision_function(gaps), rtol=0, atol=1e-12)
