"""Digits that mean nothing are dropped; no score moves by more than they were worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.digits import DIGITS, round_scores, significant


@given(st.floats(-1e300, 1e300))
def test_a_rounded_value_reads_in_as_few_digits_and_is_near(value: float) -> None:
    (rounded,) = significant([value])

    assert float(f"{rounded:.{DIGITS}g}") == rounded
    assert rounded == pytest.approx(value, rel=10 ** (1 - DIGITS))


def test_scores_near_0_and_1_stay_apart() -> None:
    scores = np.array([1e-13, 2e-13, 1 / 3, 2 / 3, 1 - 2e-13, 1 - 1e-13])

    rounded = round_scores(scores)

    assert rounded[2:4].tolist() == [0.333333333, 1 - 0.333333333]
    assert (np.diff(rounded) > 0).all()
    np.testing.assert_allclose(rounded, scores, rtol=0, atol=1e-9)
