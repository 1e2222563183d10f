"""Engineered columns are stateless, and the same for a frame and for a mapping of arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.data.synthetic import generate_sessions
from ecom.features import ENGINEERED, TOTALS, add_features, known_columns, raw_shares
from ecom.schema import COLUMNS, FEATURES, NUMERIC


def test_a_frame_and_a_mapping_of_arrays_get_the_same_columns() -> None:
    sessions = generate_sessions(200, seed=0)
    arrays = {str(name): sessions[name].to_numpy() for name in sessions}

    of_frame, of_arrays = add_features(sessions, ENGINEERED), add_features(arrays, ENGINEERED)

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

    together = add_features(sessions, ENGINEERED)
    alone = add_features(sessions[-1:], ENGINEERED)

    assert alone.equals(together[-1:])


def test_durations_per_page_are_finite_for_a_session_without_pages() -> None:
    pages = ("Administrative", "Informational", "ProductRelated")
    session = dict.fromkeys(pages, 0) | {f"{page}_Duration": 0.0 for page in pages}

    assert add_features(session)["DurationPerPage"] == 0


def test_one_session_as_plain_values_gets_the_columns_of_its_row() -> None:
    sessions = generate_sessions(50, seed=0)
    row = {str(name): sessions[name].iloc[7] for name in sessions}

    alone = add_features(row, ENGINEERED)

    for name, values in add_features(sessions, ENGINEERED).items():
        assert alone[str(name)] == values.iloc[7]


def test_without_names_the_totals_are_added() -> None:
    assert list(add_features(generate_sessions(10, seed=0)))[-3:] == list(TOTALS)


@given(name=st.sampled_from(sorted(ENGINEERED)), seed=st.integers(0, 100))
def test_an_engineered_column_is_made_of_the_raw_shares_that_it_names(name: str, seed: int) -> None:
    sessions = generate_sessions(30, seed)
    made_of = tuple(raw_shares(name))
    others = {
        raw: "Jan" if raw == "Month" else "Other" if raw == "VisitorType" else 7.0
        for raw in FEATURES
        if raw not in made_of
    }

    assert set(made_of) <= set(FEATURES)
    assert sum(raw_shares(name).values()) == pytest.approx(1)
    of_these_alone = add_features(sessions[list(made_of)], [name])[name]
    assert of_these_alone.equals(add_features(sessions, [name])[name])
    assert add_features(sessions.assign(**others), [name])[name].equals(of_these_alone)


def test_engineered_columns_are_finite_at_the_edges_of_the_schema() -> None:
    bounds = {column.name: (column.minimum, column.maximum) for column in COLUMNS}
    for edge in (0, 1):
        session = {name: float(bounds[name][edge]) for name in NUMERIC}
        engineered = add_features(session | {"Month": "Nov", "VisitorType": "Other"}, ENGINEERED)
        assert all(np.isfinite(engineered[name]) for name in ENGINEERED)


def test_at_arrival_no_engineered_column_is_made_of_what_comes_later() -> None:
    known = known_columns(ENGINEERED, "at_arrival")

    assert "Month=Nov" in known
    assert not any("PageValues" in name or "Duration" in name for name in known)
    assert known_columns(ENGINEERED, "end_of_session") == list(ENGINEERED)


def test_the_factors_of_a_product_share_it_and_their_columns_share_that() -> None:
    # Total pages is made of three counts, but is one factor of two.
    assert raw_shares("PageValues * TotalPages") == pytest.approx(
        {
            "PageValues": 1 / 2,
            "Administrative": 1 / 6,
            "Informational": 1 / 6,
            "ProductRelated": 1 / 6,
        }
    )
