"""The gate between model and graph catches what random sessions do not show."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

from ecom.errors import ExportError
from ecom.features import add_features
from ecom.models.candidates import CANDIDATES, Candidate, single
from ecom.models.parity import (
    UNKNOWN,
    WHERE,
    require_parity,
    sessions_at_bounds,
    sessions_of_schema,
    sessions_on_splits,
    typical_sessions,
)
from ecom.models.pipelines import build_pipeline
from ecom.schema import CATEGORICAL, COLUMNS, FEATURES, TARGET
from generated import features_and_labels

X, Y = features_and_labels()
CANDIDATE = "hist_gradient_boosting"
MODEL = build_pipeline(CANDIDATE, seed=0).fit(X, Y)


def in_single_precision(sessions: pd.DataFrame) -> Any:
    numbers = [column.name for column in COLUMNS if column.type == "number"]
    narrow = sessions.assign(**{name: sessions[name].astype(np.float32) for name in numbers})
    return MODEL.predict_proba(narrow)[:, 1]


def itself(sessions: pd.DataFrame) -> Any:
    return MODEL.predict_proba(sessions)[:, 1]


def test_the_model_itself_passes() -> None:
    for sessions in (
        X,
        sessions_on_splits(CANDIDATE, MODEL, X, 0),
        sessions_of_schema(list(FEATURES), 200, 0),
    ):
        assert require_parity("sessions", MODEL, itself, sessions, 0.2) == 0


def test_single_precision_is_caught_next_to_the_splits() -> None:
    splits = sessions_on_splits(CANDIDATE, MODEL, X, 0)

    with pytest.raises(
        ExportError,
        match=r"differs from the model on \d+ of \d+ sessions, first in row \d+ \(.+ next to .+, by ",
    ):
        require_parity("sessions", MODEL, in_single_precision, splits, 0.2)


def test_the_other_side_of_the_threshold_is_caught_however_near() -> None:
    edge = 0.25 - 5e-10  # scores above it round to 0.25, those below it to less
    above, below = np.full(len(X), edge + 4e-13), np.full(len(X), edge - 4e-13)

    class Above:
        def predict_proba(self, _: pd.DataFrame) -> Any:
            return np.column_stack([1 - above, above])

    model: Any = Above()
    assert require_parity("sessions", model, lambda _: above - 1e-13, X, 0.25) < 2e-13
    with pytest.raises(ExportError, match=f"on {len(X)} of {len(X)} sessions"):
        require_parity("sessions", model, lambda _: below, X, 0.25)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_caught(bad: float) -> None:
    scores = itself(X)
    scores[5] = bad

    with pytest.raises(ExportError, match="on 1 of "):
        require_parity("sessions", MODEL, lambda _: scores, X, 0.2)


def test_every_split_has_sessions_on_both_sides() -> None:
    sessions = sessions_on_splits(CANDIDATE, MODEL, X, 0)
    names = sorted({where.split(" next to ")[0] for where in sessions[WHERE]})
    raw = sessions.drop(columns=WHERE)
    columns = add_features(raw, [name for name in names if name not in FEATURES])

    seen: dict[tuple[str, float], set[bool]] = {}
    for place, where in enumerate(sessions[WHERE]):
        name, split = where.split(", by ")[0].split(" next to ")
        value = columns[name].iloc[place]
        assert value == pytest.approx(float(split), rel=1e-9, abs=1e-12)
        seen.setdefault((name, float(split)), set()).add(bool(value <= float(split)))
    assert all(sides == {False, True} for sides in seen.values())
    asked = {
        (MODEL["preprocess"].transformers_[0][2][node["feature_idx"]], float(node["num_threshold"]))
        for (tree,) in MODEL["model"]._predictors
        for node in tree.nodes[tree.nodes["is_leaf"] == 0]
    }
    # Months, kinds of visitors and weekends have no value between two of them.
    between = {"MonthNumber", "VisitorTypeNumber", "Weekend"}
    assert {name for name, _ in asked - set(seen)} <= between
    assert len(seen) > 200


def test_a_tree_behind_an_encoder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = (
        single("logistic")
        .build("end_of_session")
        ._replace(model=RandomForestClassifier(n_estimators=2))
    )
    monkeypatch.setitem(CANDIDATES, "trees", Candidate("trees", lambda _: encoded, {}, "forest"))
    model = build_pipeline("trees", seed=0).fit(X, Y)

    with pytest.raises(ExportError, match="asks for an encoded or scaled column"):
        sessions_on_splits("trees", model, X, 0)


def test_a_model_without_trees_has_no_splits() -> None:
    model = build_pipeline("logistic").fit(X, Y)

    assert len(sessions_on_splits("logistic", model, X, 0)) == 0


def test_sessions_of_the_schema_reach_its_bounds_and_beyond_its_categories() -> None:
    sessions = sessions_of_schema(list(FEATURES), 2000, 0)

    for column in COLUMNS:
        if column.name == TARGET:
            continue
        values = sessions[column.name]
        if column.name in CATEGORICAL:
            assert set(values) == {*column.allowed, UNKNOWN}
        else:
            assert (values.min(), values.max()) == (column.minimum, column.maximum)
    assert sessions.equals(sessions_of_schema(list(FEATURES), 2000, 0))


def test_sessions_at_bounds_differ_from_the_typical_one_in_one_column() -> None:
    typical = typical_sessions(X).iloc[0]
    for _, session in sessions_at_bounds(X).iterrows():
        changed = [name for name in FEATURES if session[name] != typical[name]]
        assert changed == [str(session[WHERE]).split(" is ")[0]]


def test_typical_sessions_are_sessions_of_the_schema() -> None:
    sessions = typical_sessions(X)

    assert sessions["VisitorType"].tolist()[1:4] == ["New_Visitor", "Other", "Returning_Visitor"]
    assert sessions["PageValues"].iloc[4] > 0
    for name in FEATURES:
        assert sessions[name].isin(X[name]).all()
