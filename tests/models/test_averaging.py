"""An average of classifiers is one classifier, additive on the log-odds."""

from typing import Any

import numpy as np
import pytest
from scipy.special import logit
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier

from ecom.models.averaging import LogOddsAverage, log_odds
from ecom.models.pipelines import build_pipeline
from generated import features_and_labels


def test_its_log_odds_are_the_mean_of_its_members() -> None:
    sessions, labels = features_and_labels()
    members = [build_pipeline(name) for name in ("logistic", "hist_gradient_boosting")]
    average = LogOddsAverage([("a", members[0]), ("b", members[1])]).fit(sessions, labels)

    expected = np.mean([logit(member.predict_proba(sessions)[:, 1]) for member in members], axis=0)
    scores = average.predict_proba(sessions)

    assert average.decision_function(sessions) == pytest.approx(expected)
    assert logit(scores[:, 1]) == pytest.approx(expected)
    assert scores.sum(axis=1) == pytest.approx(np.ones(len(sessions)))
    assert average.predict(sessions).tolist() == (scores[:, 1] > 0.5).astype(int).tolist()


def test_a_clone_is_unfitted_and_has_the_members_parameters() -> None:
    sessions, labels = features_and_labels()
    settings: dict[str, Any] = {"logistic_interactions.C": 0.25}
    fitted = build_pipeline("average", seed=3, **settings).fit(sessions, labels)

    copy = clone(fitted)

    assert copy["model"].members[0][1]["model"].C == 0.25
    assert not hasattr(copy["model"].members[0][1]["model"], "coef_")
    copy.fit(sessions, labels)
    np.testing.assert_array_equal(copy.predict_proba(sessions), fitted.predict_proba(sessions))


def test_a_classifier_without_log_odds_gets_those_of_its_probability() -> None:
    sessions, labels = features_and_labels()
    columns = ["PageValues", "ExitRates"]
    forest = RandomForestClassifier(n_estimators=5, random_state=0).fit(sessions[columns], labels)
    probabilities = forest.predict_proba(sessions[columns])[:, 1]

    found = log_odds(forest, sessions[columns])

    assert {probabilities.min(), probabilities.max()} == {0, 1}
    assert np.isfinite(found).all()
    inside = (probabilities > 0) & (probabilities < 1)
    assert found[inside] == pytest.approx(logit(probabilities[inside]))
