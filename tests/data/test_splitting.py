"""The split keeps the share of purchases, and no test row is known from training."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecom.data.splitting import split_sessions
from ecom.errors import DataError
from ecom.schema import TARGET
from generated import typed_sessions


@given(test_size=st.floats(0.1, 0.9), seed=st.integers(0, 99), drop=st.booleans())
@settings(max_examples=25)
def test_the_split_is_stratified_and_no_test_row_repeats_a_training_row(
    test_size: float, seed: int, drop: bool
) -> None:
    sessions = typed_sessions(drop_duplicates=drop)

    train, test = split_sessions(sessions, test_size=test_size, seed=seed)

    assert test.merge(train, how="inner").empty
    assert len(train) + len(test) <= len(sessions)
    if drop:
        assert len(train) + len(test) == len(sessions)
        assert test[TARGET].mean() == pytest.approx(sessions[TARGET].mean(), abs=1 / len(test))


def test_duplicates_that_were_kept_do_not_reach_the_test_rows() -> None:
    sessions = pd.concat([typed_sessions()] * 2, ignore_index=True)

    train, test = split_sessions(sessions, test_size=0.5, seed=0)

    assert 0 < len(test) < len(sessions) // 2
    assert test.merge(train, how="inner").empty


def test_purchases_that_are_all_known_from_training_are_too_few_to_test() -> None:
    sessions = typed_sessions()
    one = sessions[sessions[TARGET] == 1][:1]
    sessions = pd.concat([sessions[sessions[TARGET] == 0], *[one] * 20], ignore_index=True)

    with pytest.raises(DataError, match="the test rows would be of only one class"):
        split_sessions(sessions, test_size=0.2, seed=0)


@pytest.mark.parametrize("labels", [[0] * 20, [1] + [0] * 19, [1, 1] + [0] * 18])
def test_too_few_purchases_to_split_is_a_clear_error(labels: list[int]) -> None:
    sessions = typed_sessions()[:20].assign(Revenue=labels)

    with pytest.raises(DataError, match=r"split\.test_size 0\.2"):
        split_sessions(sessions, test_size=0.2, seed=0)
