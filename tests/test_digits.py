"""Digits that mean nothing are dropped; no score moves by more than they were worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.digits import DIGITS, FEW, round_scores, significant


@given(st.floats(-1e300, 1e300))
def test_a_rounded_value_reads_in_as_few_digits_and_is_near(value: float) -> None:
    (rounded,) = significant([value])

    assert float(f"{rounded:.{DIGITS}g}") == rounded
    assert rounded == pytest.approx(value, rel=10 ** (1 - DIGITS))


@st.composite
def _numbers(draw: st.DrawFn) -> list[float]:
    """Return numbers, many of them next to a tie, to a power of ten, or of odd size."""
    ties = st.builds(
        lambda digits, power, ulps: float(np.float64(f"{digits}5e{power}") * (1 + ulps * 2**-52)),
        st.integers(10 ** (DIGITS - 1), 10**DIGITS - 1),
        st.integers(-30, 5),
        st.integers(-4, 4),
    )
    powers = st.builds(
        lambda power, ulps: float(f"1e{power}") * (1 + ulps * 2**-52),
        st.integers(-30, 12),
        st.integers(-4, 4),
    )
    kinds = ties | powers | st.floats(0, 1) | st.floats()
    return draw(st.lists(kinds, min_size=FEW, max_size=3 * FEW))


@given(_numbers())
def test_many_are_rounded_to_the_same_double_as_each_alone(values: list[float]) -> None:
    alone = [significant([value]).item() for value in values]

    np.testing.assert_array_equal(significant(values), alone)


@given(st.lists(st.floats(0, 1), min_size=FEW, max_size=2 * FEW))
def test_many_scores_are_rounded_as_each_alone(scores: list[float]) -> None:
    alone = [round_scores(np.array([score])).item() for score in scores]

    np.testing.assert_array_equal(round_scores(np.array(scores)), alone)


def test_scores_near_0_and_1_stay_apart() -> None:
    scores = np.array([1e-13, 2e-13, 1 / 3, 2 / 3, 1 - 2e-13, 1 - 1e-13])

    rounded = round_scores(scores)

    assert rounded[2:4].tolist() == [0.333333333, 1 - 0.333333333]
    assert (np.diff(rounded) > 0).all()
    np.testing.assert_allclose(rounded, scores, rtol=0, atol=1e-9)
