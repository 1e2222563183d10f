"""The curve through a few row counts tells from which on more rows stop paying."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.evaluation.saturation import EXPONENTS, rows_enough

ROWS = np.array([1000, 2000, 4000, 8000])


@given(
    exponent=st.sampled_from(EXPONENTS.tolist()),
    gain=st.floats(0.001, 0.1),
    worth=st.floats(0.0005, 0.05),
)
def test_twice_the_rows_found_raise_the_curve_by_what_is_worth_it(
    exponent: float, gain: float, worth: float
) -> None:
    lost = gain * 1000**exponent

    def curve(rows: float | np.ndarray) -> np.ndarray:
        return np.asarray(0.8 - lost / np.asarray(rows, float) ** exponent)

    (enough,) = rows_enough(ROWS, curve(ROWS)[None], worth)

    assert curve(2 * enough) - curve(enough) == pytest.approx(worth, rel=1e-6)


def test_a_curve_that_does_not_rise_has_enough_rows_from_the_start() -> None:
    flat, falling = np.full((1, 4), 0.7), np.linspace(0.8, 0.7, 4)[None]

    assert rows_enough(ROWS, flat, 0.005).tolist() == [0]
    assert rows_enough(ROWS, falling, 0.005).tolist() == [0]


def test_each_resample_has_its_own_answer() -> None:
    curves = np.stack([0.8 - lost / ROWS**0.5 for lost in (1.0, 2.0)])

    small, large = rows_enough(ROWS, curves, 0.005)

    assert large == pytest.approx(4 * small)
