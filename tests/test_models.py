"""The candidates take raw sessions and score them."""

import numpy as np
import pytest

from ecom.evaluation import binary_metrics
from ecom.features import add_features
from ecom.models import build_pipeline
from ecom.params import Candidate, Folds
from ecom.search import out_of_fold_scores, stratified_folds
from generated import features_and_labels

CANDIDATES: tuple[Candidate, ...] = ("logistic", "hist_gradient_boosting")
FOLDS = Folds(n_splits=3, seed=0)


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_candidate_takes_raw_sessions_and_ranks_better_than_chance(candidate: Candidate) -> None:
    sessions, labels = features_and_labels()

    scores = out_of_fold_scores(
        build_pipeline(candidate, seed=0), sessions, labels, stratified_folds(labels, FOLDS)
    )

    assert scores.shape == (len(sessions),)
    assert ((scores > 0) & (scores < 1)).all()
    assert binary_metrics(labels, scores, 0.3)["roc_auc"] > 0.65


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_engineered_columns_that_are_already_there_change_nothing(candidate: Candidate) -> None:
    sessions, labels = features_and_labels()

    raw = build_pipeline(candidate, seed=0).fit(sessions, labels)
    engineered = build_pipeline(candidate, seed=0).fit(add_features(sessions), labels)

    np.testing.assert_array_equal(
        raw.predict_proba(sessions), engineered.predict_proba(add_features(sessions))
    )


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_month_and_a_code_never_seen_in_training_get_a_score(candidate: Candidate) -> None:
    sessions, labels = features_and_labels()
    pipeline = build_pipeline(candidate, seed=0).fit(sessions, labels)

    scores = pipeline.predict_proba(sessions.assign(Month="Jan", Browser=99))

    assert np.isfinite(scores).all()
