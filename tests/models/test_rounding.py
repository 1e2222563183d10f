"""Digits that mean nothing are dropped; no score moves by more than they were worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.models.candidates import CANDIDATES
from ecom.models.pipelines import build_pipeline
from ecom.models.rounding import (
    DIGITS,
    purchase_scores,
    round_parameters,
    round_scores,
    significant,
)
from generated import features_and_labels

X, Y = features_and_labels()


@given(st.floats(-1e300, 1e300))
def test_a_rounded_value_reads_in_as_few_digits_and_is_near(value: float) -> None:
    (rounded,) = significant([value])

    assert float(f"{rounded:.{DIGITS}g}") == rounded
    assert rounded == pytest.approx(value, rel=10 ** (1 - DIGITS))


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


def test_scores_near_0_and_1_stay_apart() -> None:
    scores = np.array([1e-13, 2e-13, 1 / 3, 2 / 3, 1 - 2e-13, 1 - 1e-13])

    rounded = round_scores(scores)

    assert rounded[2:4].tolist() == [0.333333333, 1 - 0.333333333]
    assert (np.diff(rounded) > 0).all()
    np.testing.assert_allclose(rounded, scores, rtol=0, atol=1e-9)
