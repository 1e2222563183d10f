"""Contributions sum to the model's own log-odds, and belong to the columns that a person knows."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from ecom.errors import DataError
from ecom.models.candidates import CANDIDATES
from ecom.models.explanation import contributions_of, dependence, explain, typical_sessions
from ecom.models.pipelines import build_pipeline
from ecom.schema import FEATURE_SETS, FEATURES, FeatureSet
from generated import features_and_labels

SESSIONS, LABELS = features_and_labels()


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
@pytest.mark.parametrize("candidate", list(CANDIDATES))
def test_contributions_and_base_sum_to_the_models_own_log_odds(
    candidate: str, feature_set: FeatureSet
) -> None:
    model = build_pipeline(candidate, feature_set=feature_set, seed=0).fit(SESSIONS, LABELS)

    explanation = explain(candidate, model, SESSIONS[:100], background=SESSIONS)

    assert list(explanation.contributions) == list(FEATURES)
    np.testing.assert_allclose(
        explanation.log_odds, model.decision_function(SESSIONS[:100]), rtol=0, atol=1e-6
    )
    unseen = [name for name in FEATURES if name not in FEATURE_SETS[feature_set]]
    assert (explanation.contributions[unseen] == 0).all(axis=None)


def test_a_session_is_explained_the_same_alone_as_among_others() -> None:
    model = build_pipeline("average", seed=0).fit(SESSIONS, LABELS)

    together = explain("average", model, SESSIONS[:20], background=SESSIONS)
    alone = explain("average", model, SESSIONS[19:20], background=SESSIONS)

    assert alone.base == pytest.approx(together.base)
    np.testing.assert_allclose(alone.contributions, together.contributions[19:20], atol=1e-9)


def test_contributions_of_a_logistic_regression_are_weight_times_distance_from_the_mean() -> None:
    model = build_pipeline("logistic").fit(SESSIONS, LABELS)
    names = model["preprocess"].get_feature_names_out().tolist()
    weight = model["model"].coef_[0][names.index("numbers__SpecialDay")]
    column = SESSIONS["SpecialDay"]

    contributions = explain("logistic", model, SESSIONS, background=SESSIONS).contributions[
        "SpecialDay"
    ]

    np.testing.assert_allclose(
        contributions, weight * (column - column.mean()) / column.std(ddof=0), atol=1e-9
    )


def test_contributions_of_the_trees_keep_to_the_definition_of_shap_values() -> None:
    # By brute force over all orders of two columns, with path-dependent expectations (Lundberg
    # et al. 2020, algorithm 1), for trees that can split on nothing else.
    small = SESSIONS.assign(
        **{
            name: 1
            for name in FEATURES
            if name not in ("PageValues", "Month", "VisitorType", "ExitRates")
        }
    ).assign(Month="Nov", VisitorType="Other")
    model = build_pipeline("hist_gradient_boosting", seed=0, max_iter=5, max_features=1.0)
    model.fit(small, LABELS)
    columns = model["preprocess"].transformers_[0][2]
    made_of = {
        "PageValues": {columns.index("PageValues"), columns.index("PageValues * TotalPages")},
        "ExitRates": {columns.index("ExitRates"), columns.index("ExitMinusBounce")},
    }
    matrix = model["preprocess"].transform(model["features"].transform(small[:5]))
    trees = [predictors[0].nodes for predictors in model["model"]._predictors]

    def expected(nodes: np.ndarray, row: np.ndarray, known: set[int], place: int = 0) -> float:
        node = nodes[place]
        if node["is_leaf"]:
            return float(node["value"])
        left, right = (int(node[side]) for side in ("left", "right"))
        if int(node["feature_idx"]) in known:
            goes_left = row[node["feature_idx"]] <= node["num_threshold"]
            return expected(nodes, row, known, left if goes_left else right)
        parts = [
            (expected(nodes, row, known, child), float(nodes[child]["count"]))
            for child in (left, right)
        ]
        return sum(value * count for value, count in parts) / sum(count for _, count in parts)

    def value(row: np.ndarray, known: set[int]) -> float:
        return sum(expected(nodes, row, known) for nodes in trees)

    used = {int(node["feature_idx"]) for nodes in trees for node in nodes if not node["is_leaf"]}
    assert used <= made_of["PageValues"] | made_of["ExitRates"]
    found = explain("hist_gradient_boosting", model, small[:5], background=small).contributions
    players = sorted(used)
    for place, row in enumerate(matrix):
        shapley = dict.fromkeys(players, 0.0)
        orders = list(permutations(players))
        for order in orders:
            known: set[int] = set()
            for player in order:
                shapley[player] += (value(row, known | {player}) - value(row, known)) / len(orders)
                known.add(player)
        direct = sum(shapley[player] for player in players if columns[player] == "PageValues")
        shared = sum(
            shapley[player] / 2  # page values are one of two factors
            for player in players
            if columns[player] == "PageValues * TotalPages"
        )
        assert found["PageValues"].iloc[place] == pytest.approx(direct + shared)
        # The sum over all columns, however shared, is the model's answer less that to nothing known.
        assert found.iloc[place].sum() == pytest.approx(value(row, used) - value(row, set()))


def test_the_sessions_shown_are_typical_and_uncertain() -> None:
    log_odds = pd.Series([-3.0, -2.0, -1.0, 0.1, 2.0, 3.0], index=list("abcdef"))
    labels = pd.Series([0, 0, 0, 1, 1, 1], index=log_odds.index)

    assert typical_sessions(labels, log_odds) == {
        "typical purchase": "e",
        "typical session without purchase": "b",
        "least certain": "d",
    }
    assert set(typical_sessions(labels * 0, log_odds)) == {
        "typical session without purchase",
        "least certain",
    }


def test_tables_hold_each_contribution_by_column_and_by_session() -> None:
    model = build_pipeline("logistic_interactions").fit(SESSIONS, LABELS)
    explanation = explain("logistic_interactions", model, SESSIONS, background=SESSIONS)
    points = dependence(explanation, SESSIONS, 4)
    chosen = typical_sessions(LABELS, explanation.log_odds)
    table = contributions_of(explanation, SESSIONS, chosen)

    assert list(dict.fromkeys(points["column"])) == list(explanation.importance.index[:4])
    assert table.groupby("session")["contribution"].sum().to_dict() == pytest.approx(
        {name: explanation.log_odds[place] for name, place in chosen.items()}
    )


def test_contributions_that_miss_the_models_log_odds_are_refused() -> None:
    model = build_pipeline("logistic").fit(SESSIONS, LABELS)
    model.decision_function = lambda sessions: np.zeros(len(sessions))

    with pytest.raises(
        DataError, match=r"from the log-odds of logistic by .*; expected at most 1e-06"
    ):
        explain("logistic", model, SESSIONS, background=SESSIONS)
