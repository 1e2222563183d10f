"""The candidates take raw sessions and score them."""

from typing import Any

import joblib
import numpy as np
import pytest

from ecom.errors import DataError
from ecom.evaluation.ranking import ranking_metrics
from ecom.features import add_features
from ecom.models.candidates import CANDIDATES, members_of
from ecom.models.pipelines import build_pipeline, settled_arguments
from ecom.models.search import out_of_fold_scores, stratified_folds
from ecom.params.folds import Folds
from ecom.schema import FEATURE_SETS, FEATURES
from generated import features_and_labels

FOLDS = Folds(n_splits=3, seed=0)


@pytest.mark.parametrize("candidate", list(CANDIDATES))
def test_a_candidate_takes_raw_sessions_and_ranks_better_than_chance(candidate: str) -> None:
    sessions, labels = features_and_labels()

    scores = out_of_fold_scores(
        build_pipeline(candidate, seed=0), sessions, labels, stratified_folds(labels, FOLDS)
    )

    assert scores.shape == (len(sessions),)
    assert ((scores > 0) & (scores < 1)).all()
    assert ranking_metrics(labels, scores)["roc_auc"] > 0.65


@pytest.mark.parametrize("candidate", list(CANDIDATES))
def test_engineered_columns_that_are_already_there_change_nothing(candidate: str) -> None:
    sessions, labels = features_and_labels()

    raw = build_pipeline(candidate, seed=0).fit(sessions, labels)
    engineered = build_pipeline(candidate, seed=0).fit(add_features(sessions), labels)

    np.testing.assert_array_equal(
        raw.predict_proba(sessions), engineered.predict_proba(add_features(sessions))
    )


@pytest.mark.parametrize("candidate", list(CANDIDATES))
def test_a_month_and_a_code_never_seen_in_training_get_a_score(candidate: str) -> None:
    sessions, labels = features_and_labels()
    pipeline = build_pipeline(candidate, seed=0).fit(sessions, labels)

    scores = pipeline.predict_proba(sessions.assign(Month="Jan", Browser=99))

    assert np.isfinite(scores).all()


@pytest.mark.parametrize("candidate", list(CANDIDATES))
def test_at_arrival_a_model_takes_and_uses_nothing_that_is_known_later(
    candidate: str,
) -> None:
    sessions, labels = features_and_labels()
    arrival = list(FEATURE_SETS["at_arrival"])
    later = {name: 0 for name in FEATURES if name not in arrival}

    pipeline = build_pipeline(candidate, feature_set="at_arrival", seed=0).fit(
        sessions[arrival], labels
    )

    scores = pipeline.predict_proba(sessions[arrival])
    np.testing.assert_array_equal(pipeline.predict_proba(sessions.assign(**later)), scores)


@pytest.mark.parametrize("candidate", list(CANDIDATES))
def test_a_fit_repeats_to_the_byte(candidate: str) -> None:
    sessions, labels = features_and_labels()

    first, again = (
        joblib.hash(build_pipeline(candidate, seed=1).fit(sessions, labels)) for _ in range(2)
    )

    assert first == again


def test_members_of_an_average_are_fitted_as_they_would_be_alone() -> None:
    sessions, labels = features_and_labels()
    average = build_pipeline("average", seed=0).fit(sessions, labels)

    alone = [
        build_pipeline(name, seed=0).fit(sessions, labels).decision_function(sessions)
        for name in members_of("average")
    ]

    np.testing.assert_allclose(average.decision_function(sessions), np.mean(alone, axis=0))


def test_settings_that_were_tuned_for_other_columns_are_refused() -> None:
    tuned: Any = {
        "candidate": "logistic",
        "feature_set": "at_arrival",
        "seed": 1,
        "best_params": {"C": 0.5},
    }

    assert settled_arguments(tuned, {"C": 1.0}, "at_arrival") == {
        "baseline": {"candidate": "logistic", "C": 1.0},
        "best_model": {"candidate": "logistic", "seed": 1, "C": 0.5},
    }
    with pytest.raises(DataError, match="run `dvc repro tune` first"):
        settled_arguments(tuned, {"C": 1.0}, "end_of_session")
