"""Engineered columns are stateless, and the same for a frame and for a mapping of arrays."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ecom.features import ENGINEERED, add_features
from ecom.synthetic import generate_sessions


def test_a_frame_and_a_mapping_of_arrays_get_the_same_columns() -> None:
    sessions = generate_sessions(200, seed=0)
    arrays = {str(name): sessions[name].to_numpy() for name in sessions}

    of_frame, of_arrays = add_features(sessions), add_features(arrays)

    assert list(of_frame) == list(of_arrays) == [*sessions, *ENGINEERED]
    for name in of_arrays:
        np.testing.assert_array_equal(of_frame[name], of_arrays[name])


def test_the_input_is_left_alone_and_columns_that_are_there_are_computed_anew() -> None:
    sessions = generate_sessions(50, seed=0)
    before = sessions.copy()

    once = add_features(sessions)
    twice = add_features(once.assign(TotalPages=-1))

    assert sessions.equals(before)
    assert twice.equals(once)


@given(rows=st.integers(min_value=1, max_value=50), seed=st.integers(0, 1000))
def test_a_row_gets_the_same_features_alone_as_among_others(rows: int, seed: int) -> None:
    sessions = generate_sessions(200, seed)[:rows]

    together = add_features(sessions)
    alone = add_features(sessions[-1:])

    assert alone.equals(together[-1:])


def test_durations_per_page_are_finite_for_a_session_without_pages() -> None:
    pages = ("Administrative", "Informational", "ProductRelated")
    session = dict.fromkeys(pages, 0) | {f"{page}_Duration": 0.0 for page in pages}

    assert add_features(session)["DurationPerPage"] == 0
