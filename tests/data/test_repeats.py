"""Rows that repeat another are found, however few hashes are held at a time."""

import io
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.data import repeats as module
from ecom.data.identity import BYTES, Hashes, hashes_of
from ecom.data.repeats import HashFile, first_rows, places, repeats

ROWS = st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=40)
COMPARED = st.sampled_from([1, 2, 7, 1000])


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 3)
        yield


def stored(hashes: Hashes, compared: int) -> HashFile:
    file = HashFile(io.BytesIO(), compared)
    for begin in range(0, len(hashes), 5):
        file.add(hashes[begin : begin + 5])
    return file


@given(rows=ROWS, compared=COMPARED)
def test_repeats_are_those_that_pandas_finds(rows: list[tuple[int, bool]], compared: int) -> None:
    table = pd.DataFrame(rows, columns=["session", "label"]).astype({"label": np.int8})
    labels = table["label"].to_numpy()
    firsts = table.reset_index().groupby(["session", "label"])["index"].transform("min")

    hashes = stored(hashes_of(zip(table["session"])), compared)

    assert len(hashes) == len(table)
    assert repeats(hashes, labels).tolist() == table.duplicated().tolist()
    assert places(hashes).tolist() == table.groupby("session").cumcount().tolist()
    assert first_rows(hashes, labels).tolist() == firsts.tolist()


@given(rows=ROWS, compared=COMPARED)
def test_each_row_is_compared_once_with_all_that_are_the_same(
    rows: list[tuple[int, bool]], compared: int
) -> None:
    expected = hashes_of((session,) for session, _ in rows)
    hashes = stored(expected, compared)

    shares = [
        (found.tolist(), [bytes(expected[row]) for row in found]) for found, _ in hashes.compared()
    ]

    assert sorted(row for found, _ in shares for row in found) == list(range(len(rows)))
    seen = [each for _, values in shares for each in set(values)]
    assert len(seen) == len(set(seen))
    assert len(shares) == max(1, -(-len(rows) // compared))


@given(rows=ROWS, change=st.integers(0, 79))
def test_only_what_was_appended_to_itself_is_twice_the_same(
    rows: list[tuple[int, bool]], change: int
) -> None:
    twice = hashes_of((session,) for session, _ in rows * 2)
    labels = np.array([label for _, label in rows * 2], np.bool_)

    assert stored(twice, 1000).is_twice_the_same(labels) == bool(rows)
    if rows:
        assert not stored(twice[1:], 1000).is_twice_the_same(labels[1:])
        row = change % len(twice)
        labels[row] ^= True
        assert not stored(twice, 1000).is_twice_the_same(labels)
        labels[row] ^= True
        twice[row] = b"\xff" * BYTES
        assert not stored(twice, 1000).is_twice_the_same(labels)
