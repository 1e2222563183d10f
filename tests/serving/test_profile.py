"""Counts are of what they say, and survive being written and read."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.errors import PackageError
from ecom.schema import FEATURES
from ecom.serving.profile import (
    CUTS,
    NOT_ALLOWED,
    SCORE,
    Bins,
    Profile,
    Tally,
    bins_of,
    profile_of,
    score_bins,
)
from generated import features_and_labels

numbers = st.floats(-1e6, 1e6)


def profile() -> Profile:
    sessions, labels = features_and_labels()
    columns = {name: sessions[name].to_numpy() for name in FEATURES}
    return profile_of(columns, labels, np.linspace(0, 1, 100), np.arange(100) % 2, 0.15)


def test_every_session_is_counted_once_in_each_column() -> None:
    sessions, labels = features_and_labels()

    found = profile()

    assert set(found) == {*FEATURES, SCORE, NOT_ALLOWED}
    for name in FEATURES:
        assert found[name].by_outcome.sum(axis=1).tolist() == [
            int((labels == 0).sum()),
            int(labels.sum()),
            0,
        ]
    assert found.sessions == len(sessions)
    assert found[SCORE].by_outcome.sum() == 100


def test_a_profile_is_read_as_it_was_written() -> None:
    written = profile()

    read = Profile.parse(written.to_json().encode())

    assert read.keys() == written.keys()
    for name, tally in written.items():
        assert read[name].bins == tally.bins
        np.testing.assert_array_equal(read[name].counts, tally.counts)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"format": 1}',
        b'{"format": 1, "columns": []}',
        profile().to_json().replace('"counts": [[', '"counts": [[1, ', 1).encode(),
    ],
)
def test_what_is_no_profile_is_refused(text: bytes) -> None:
    with pytest.raises(PackageError, match="does not hold counts"):
        Profile.parse(text)


def test_a_newer_profile_is_refused() -> None:
    content = json.loads(profile().to_json())

    with pytest.raises(PackageError, match="newer format"):
        Profile.parse(json.dumps({**content, "format": 2}).encode())


def test_negative_counts_are_refused() -> None:
    content = json.loads(profile().to_json())
    content["columns"][-1]["counts"][0][0] = -1

    with pytest.raises(PackageError, match="does not hold counts"):
        Profile.parse(json.dumps(content).encode())


@given(st.lists(numbers, min_size=1, max_size=300))
def test_cells_of_numbers_are_few_and_in_order(values: list[float]) -> None:
    bins = bins_of("PageValues", np.array(values))

    assert bins.size <= CUTS + 1
    places = bins.place(np.sort(np.array(values)))
    assert (np.diff(places) >= 0).all()
    assert places.min() >= 0
    assert places.max() < bins.size


def test_a_value_that_many_sessions_have_is_in_a_cell_of_its_own() -> None:
    values = np.append(np.zeros(900), np.arange(1.0, 101))

    bins = bins_of("PageValues", values)

    assert np.bincount(bins.place(values))[0] == 900


def test_codes_have_no_order_and_the_rare_ones_share_a_cell() -> None:
    values = np.append(np.repeat(np.arange(1.0, 51), 2), np.arange(100.0, 110))

    bins = bins_of("Browser", values)

    assert not bins.ordered
    assert bins.values == tuple(np.arange(1.0, 51))
    assert (bins.place(np.arange(100.0, 110)) == 50).all()


@given(st.floats(0, 1), st.floats(1e-6, 1 - 1e-6))
def test_no_cell_of_the_score_holds_both_flagged_sessions_and_others(
    score: float, threshold: float
) -> None:
    bins = score_bins(threshold)

    at, of_threshold = bins.place(np.array([score, threshold]))

    assert (at >= of_threshold) == (score >= threshold)


def test_blocks_are_counted_apart() -> None:
    empty = Tally.empty(Bins(values=("a",)))

    found = empty.plus(np.array(["a", "b", "a"], object), np.array([0, 1, 2]), np.array([0, 2, 2]))

    assert found.counts.shape == (3, 3, 2)
    assert found.counts[0, 0].tolist() == [1, 0]
    assert found.counts[2, 1].tolist() == [0, 1]
    assert found.counts[2, 2].tolist() == [1, 0]
    assert found.counts.sum() == 3
