"""P-values of many tests, adjusted for their number."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecom.evaluation.multiple_tests import holm


@given(st.lists(st.floats(0, 1), max_size=20))
@settings(deadline=None)
def test_holm_keeps_the_order_and_never_lowers_a_p_value(p_values: list[float]) -> None:
    adjusted = holm(p_values)

    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    ordered = sorted(zip(p_values, adjusted, strict=True))
    assert [after for _, after in ordered] == sorted(adjusted)
    if p_values:
        assert min(adjusted) == pytest.approx(min(1.0, len(p_values) * min(p_values)))
