"""Thresholds flag the share they are asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.thresholds import threshold_for_quota


@given(quota=st.floats(0.01, 0.99))
def test_a_quota_flags_that_share_of_the_sessions(quota: float) -> None:
    scores = np.linspace(0, 1, 1000)

    flagged = scores >= threshold_for_quota(scores, quota)

    assert flagged.mean() == pytest.approx(quota, abs=0.002)
