"""Parameters are rounded in place, and no score moves by more than that is worth."""

import numpy as np
import pytest

from ecom.models.candidates import CANDIDATES
from ecom.models.pipelines import build_pipeline
from ecom.models.rounding import purchase_scores, round_parameters
from generated import features_and_labels

X, Y = features_and_labels()


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_rounded_parameters_are_short_and_move_no_score(candidate: str) -> None:
    model = build_pipeline(candidate, seed=0).fit(X, Y)
    before = model.predict_proba(X)[:, 1]

    rounded = round_parameters(model)

    assert rounded is model
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], before, rtol=0, atol=1e-6)
    assert (model.predict_proba(X)[:, 1] != before).any()
    again = model.predict_proba(X)
    np.testing.assert_array_equal(round_parameters(model).predict_proba(X), again)


def test_scores_are_rounded_probabilities() -> None:
    model = build_pipeline("logistic").fit(X, Y)

    np.testing.assert_allclose(
        purchase_scores(model, X), model.predict_proba(X)[:, 1], rtol=1e-8, atol=0
    )
