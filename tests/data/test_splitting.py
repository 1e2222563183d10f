"""The split keeps the share of purchases, and no test row is known from training."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from ecom.data.splitting import shuffled, split_sessions
from ecom.errors import DataError
from ecom.params.split import Split
from ecom.schema import TARGET
from generated import typed_sessions


def split(test_size: float, seed: int = 0, max_train_rows: int | None = None) -> Split:
    return Split(test_size=test_size, seed=seed, max_train_rows=max_train_rows)


@given(test_size=st.floats(0.1, 0.9), seed=st.integers(0, 99), drop=st.booleans())
@settings(max_examples=25)
def test_the_split_is_stratified_and_no_test_row_repeats_a_training_row(
    test_size: float, seed: int, drop: bool
) -> None:
    sessions = typed_sessions(drop_duplicates=drop)

    train, test = split_sessions(sessions, split(test_size, seed))

    assert test.merge(train, how="inner").empty
    assert len(train) + len(test) <= len(sessions)
    if drop:
        assert len(train) + len(test) == len(sessions)
        assert test[TARGET].mean() == pytest.approx(sessions[TARGET].mean(), abs=1 / len(test))


@given(size=st.integers(20, 400), seed=st.integers(0, 99))
@settings(max_examples=25)
def test_a_sample_to_train_on_is_stratified_and_leaves_the_test_rows_alone(
    size: int, seed: int
) -> None:
    sessions = typed_sessions()

    every, test = split_sessions(sessions, split(0.2, seed))
    train, same = split_sessions(sessions, split(0.2, seed, max_train_rows=size))

    assert same.equals(test)
    assert len(train) == size
    assert train.index.equals(every.index[every.index.isin(train.index)])
    assert train[TARGET].mean() == pytest.approx(every[TARGET].mean(), abs=1 / size)


@given(
    rows=st.integers(8, 3000),
    share=st.floats(0.05, 0.95),
    size=st.floats(0.1, 0.9),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=300)
def test_rows_are_dealt_as_scikit_learn_deals_them(
    rows: int, share: float, size: float, seed: int
) -> None:
    purchases = min(max(2, round(share * rows)), rows - 2)
    labels = np.random.default_rng(seed).permutation(np.arange(rows) < purchases).astype(np.int8)
    count = min(max(2, round(size * rows)), rows - 2)

    found = shuffled(labels, count, seed)

    expected = train_test_split(
        np.arange(rows), test_size=count, stratify=labels, random_state=seed
    )
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.tolist() == theirs.tolist()


def test_a_sample_of_all_but_one_is_drawn() -> None:
    sessions = typed_sessions()
    every, _ = split_sessions(sessions, split(0.2))

    train, _ = split_sessions(sessions, split(0.2, max_train_rows=len(every) - 1))

    assert len(train) == len(every) - 1


def test_a_sample_of_all_or_more_is_all() -> None:
    sessions = typed_sessions()
    every, _ = split_sessions(sessions, split(0.2))

    for size in (len(every), len(every) + 1, 10**9):
        assert split_sessions(sessions, split(0.2, max_train_rows=size))[0].equals(every)


def test_a_sample_without_purchases_is_refused() -> None:
    with pytest.raises(DataError, match=r"split\.max_train_rows 2: .*"):
        split_sessions(typed_sessions()[:60], split(0.2, max_train_rows=2))


def test_duplicates_that_were_kept_do_not_reach_the_test_rows() -> None:
    sessions = pd.concat([typed_sessions()] * 2, ignore_index=True)

    train, test = split_sessions(sessions, split(0.5))

    assert 0 < len(test) < len(sessions) // 2
    assert test.merge(train, how="inner").empty


def test_purchases_that_are_all_known_from_training_are_too_few_to_test() -> None:
    sessions = typed_sessions()
    one = sessions[sessions[TARGET] == 1][:1]
    sessions = pd.concat([sessions[sessions[TARGET] == 0], *[one] * 20], ignore_index=True)

    with pytest.raises(DataError, match="the test rows would be of only one class"):
        split_sessions(sessions, split(0.2))


@pytest.mark.parametrize("labels", [[0] * 20, [1] + [0] * 19, [1, 1] + [0] * 18])
def test_too_few_purchases_to_split_is_a_clear_error(labels: list[int]) -> None:
    sessions = typed_sessions()[:20].assign(Revenue=labels)

    with pytest.raises(DataError, match=r"split\.test_size 0\.2"):
        split_sessions(sessions, split(0.2))
