"""The schema is consistent, and says of every column what later modules rely on."""

from ecom.schema import (
    CATEGORICAL,
    COLUMNS,
    FEATURE_SETS,
    FEATURES,
    GROUPS,
    MONTHS,
    NAMES,
    NUMERIC,
    TARGET,
)


def test_columns_have_distinct_names_and_the_target_is_the_last() -> None:
    assert len(set(NAMES)) == len(NAMES) == 18
    assert NAMES[-1] == TARGET
    assert set(CATEGORICAL) | set(NUMERIC) == set(FEATURES) == set(NAMES) - {TARGET}


def test_categories_have_values_and_numbers_have_bounds() -> None:
    for column in COLUMNS:
        assert bool(column.allowed) is (column.type == "category")
        assert column.minimum < column.maximum
        assert column.description


def test_at_arrival_is_part_of_the_end_of_the_session() -> None:
    assert set(FEATURE_SETS["at_arrival"]) < set(FEATURE_SETS["end_of_session"])
    assert "PageValues" not in FEATURE_SETS["at_arrival"]


def test_months_are_in_the_order_of_the_year() -> None:
    assert (MONTHS[0], MONTHS[-1], len(MONTHS)) == ("Jan", "Dec", 12)


def test_every_column_is_in_one_group() -> None:
    assert sorted(name for columns in GROUPS.values() for name in columns) == sorted(FEATURES)
