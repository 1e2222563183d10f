"""Every session is scored in each repeat, by a model that did not see it."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from ecom.data.identity import session_keys
from ecom.errors import DataError
from ecom.models.cross_fitting import cross_fit, folds_by_key, require_same_scores
from ecom.models.pipelines import build_pipeline
from ecom.schema import FEATURES, TARGET
from generated import typed_sessions

SESSIONS = typed_sessions(400)
KEYS = session_keys(SESSIONS)
FOLDS = {seed: folds_by_key(KEYS, 4, seed) for seed in (5, 6, 7)}


def scored(sessions: pd.DataFrame, labels: "pd.Series[int]") -> NDArray[np.float64]:
    build = partial(build_pipeline, "logistic", C=1.0)
    return cross_fit(sessions, labels, build, FOLDS, n_jobs=1)


def test_each_repeat_scores_every_session_on_folds_of_its_own() -> None:
    scores = scored(SESSIONS[list(FEATURES)], SESSIONS[TARGET])

    assert scores.shape == (3, len(SESSIONS))
    assert ((scores > 0) & (scores < 1)).all()
    assert len(np.unique(scores, axis=0)) == 3
    np.testing.assert_array_equal(scores, scored(SESSIONS[list(FEATURES)], SESSIONS[TARGET]))


def test_no_session_is_scored_by_a_model_that_saw_it() -> None:
    random = np.random.default_rng(0)
    sessions = pd.DataFrame({"noise": random.random(len(KEYS))})
    labels = pd.Series(random.integers(0, 2, len(KEYS)))

    def memorising(seed: int) -> Pipeline:
        return Pipeline([("model", DecisionTreeClassifier(random_state=seed))])

    scores = cross_fit(sessions, labels, memorising, FOLDS, n_jobs=1)

    assert ((scores > 0.5) == labels.to_numpy()).mean() < 0.7  # of sessions it saw, it knows all


def test_a_session_keeps_its_fold_whatever_the_others_are() -> None:
    whole, half = folds_by_key(KEYS, 5, 1), folds_by_key(KEYS[::2], 5, 1)

    assert half.tolist() == whole[::2].tolist()
    assert set(whole) == {0, 1, 2, 3, 4}
    assert np.bincount(whole).min() > len(KEYS) / 5 / 2
    assert (whole != folds_by_key(KEYS, 5, 2)).any()


def test_too_few_purchases_are_a_clear_error() -> None:
    labels = pd.Series([1] + [0] * (len(KEYS) - 1))

    with pytest.raises(DataError, match="1 of them purchases, are too few for cross_fit"):
        scored(SESSIONS[list(FEATURES)], labels)


def test_sessions_that_hold_the_same_are_in_the_same_fold() -> None:
    first, second = folds_by_key(["ab", "ab-2"], 50, 1)

    assert first == second


def test_a_model_that_its_settings_do_not_give_is_refused() -> None:
    sessions, labels = SESSIONS[list(FEATURES)], SESSIONS[TARGET]
    shipped, again, other = (
        build_pipeline("logistic", C=strength).fit(sessions, labels) for strength in (1.0, 1.0, 0.5)
    )

    require_same_scores(shipped, again, sessions)
    with pytest.raises(DataError, match=r"best_model\.joblib is not what metrics/tune\.json gives"):
        require_same_scores(shipped, other, sessions)
