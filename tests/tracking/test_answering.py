"""The shipped model answers with a probability and a decision."""

import numpy as np
import pytest

from ecom.errors import DataError
from ecom.models.pipelines import build_pipeline
from ecom.schema import FEATURE_SETS
from ecom.tracking.answering import PurchaseModel
from generated import features_and_labels


def test_it_answers_with_the_probability_and_the_decision_by_its_threshold() -> None:
    sessions, labels = features_and_labels()
    pipeline = build_pipeline("logistic", feature_set="at_arrival").fit(sessions, labels)
    columns = FEATURE_SETS["at_arrival"]
    model = PurchaseModel(pipeline, columns, 0.2)

    answers = model.predict(None, sessions)

    np.testing.assert_array_equal(answers["probability"], pipeline.predict_proba(sessions)[:, 1])
    assert (answers["decision"] == (answers["probability"] >= 0.2)).all()
    assert answers.index.equals(sessions.index)
    assert model.predict(None, sessions[list(columns)]).equals(answers)
    assert model.predict(None, sessions.head(0)).shape == (0, 2)
    with pytest.raises(DataError, match="Month must be one of"):
        model.predict(None, sessions.assign(Month="Smarch"))
