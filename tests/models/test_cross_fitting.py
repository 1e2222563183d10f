"""Every session is scored in each repeat, by a model that did not see it."""

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from ecom.models.cross_fitting import cross_fit
from ecom.models.pipelines import build_pipeline
from ecom.params.cross_fit import CrossFit
from ecom.schema import FEATURES, TARGET
from generated import typed_sessions

SESSIONS = typed_sessions(400)
PARAMS = CrossFit(repeats=3, seed=5, n_jobs=1)


def scored(sessions: pd.DataFrame, labels: "pd.Series[int]") -> NDArray[np.float64]:
    build = partial(build_pipeline, "logistic", C=1.0)
    return cross_fit(sessions, labels, build, n_splits=4, params=PARAMS)


def test_each_repeat_scores_every_session_on_folds_of_its_own() -> None:
    scores = scored(SESSIONS[list(FEATURES)], SESSIONS[TARGET])

    assert scores.shape == (3, len(SESSIONS))
    assert ((scores > 0) & (scores < 1)).all()
    assert len(np.unique(scores, axis=0)) == 3
    np.testing.assert_array_equal(scores, scored(SESSIONS[list(FEATURES)], SESSIONS[TARGET]))


def test_no_session_is_scored_by_a_model_that_saw_it() -> None:
    random = np.random.default_rng(0)
    sessions = pd.DataFrame({"noise": random.random(400)})
    labels = pd.Series(random.integers(0, 2, 400))

    def memorising(seed: int) -> Pipeline:
        return Pipeline([("model", DecisionTreeClassifier(random_state=seed))])

    scores = cross_fit(sessions, labels, memorising, n_splits=4, params=PARAMS)

    assert ((scores > 0.5) == labels.to_numpy()).mean() < 0.7  # of sessions it saw, it knows all
