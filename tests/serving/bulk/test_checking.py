"""A row is scored if all its values are those of the manifest, whatever type holds them."""

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.errors import DataError
from ecom.serving.bulk.checking import check, require_columns
from ecom.serving.manifest import packaged_columns

COLUMNS = {column.name: column for column in packaged_columns("end_of_session")}
COUNT, NUMBER = COLUMNS["Administrative"], COLUMNS["ExitRates"]
MONTH, WEEKEND = COLUMNS["Month"], COLUMNS["Weekend"]


def checked(column: Any, cells: Any) -> tuple[list[Any], list[str]]:
    """Return what the graphs take of the good cells, and the values of the others."""
    found = check(pa.table({column.name: cells}), [column])
    return found.inputs[column.name].tolist(), [fault.value for fault in found.faults]


@pytest.mark.parametrize(
    ("column", "cells", "good", "bad"),
    [
        (
            NUMBER,
            ["0.5", " 1 ", "1e-3", ".5", "5.", "+0"],
            [0.5, 1, 0.001, 0.5, 0],
            ["5."],
        ),
        (
            NUMBER,
            ["", "x", "nan", "inf", "0x1", "1_0", "2"],
            [],
            ["missing", "x", "nan", "inf", "0x1", "1_0", "2"],
        ),
        (COUNT, ["2", "2.0", "2.5", "-1"], [2, 2], ["2.5", "-1"]),
        (COUNT, pa.array([1, None], pa.int16()), [1], ["missing"]),
        (COUNT, [Decimal("3.00"), Decimal("3.01")], [3], ["3.01"]),
        (WEEKEND, ["TRUE", "false", "1", "0.0", "yes"], [1, 0, 1, 0], ["yes"]),
        (WEEKEND, [True, False, None], [1, 0], ["missing"]),
        (MONTH, ["Nov", " Dec", "November", ""], ["Nov", "Dec"], ["November", "missing"]),
        (MONTH, pa.array(["Nov", "x"]).dictionary_encode(), ["Nov"], ["x"]),
    ],
)
def test_values_are_taken_or_told(column: Any, cells: Any, good: list[Any], bad: list[str]) -> None:
    assert checked(column, cells) == (good, bad)


@given(st.floats(0, 1))
def test_a_number_as_text_keeps_every_digit(value: float) -> None:
    assert checked(NUMBER, [repr(value)]) == ([value], [])


@given(st.decimals(0, 1, places=18))
def test_a_decimal_becomes_the_double_that_it_reads_as(value: Decimal) -> None:
    assert checked(NUMBER, pa.array([value], pa.decimal128(19, 18))) == ([float(value)], [])


@given(st.text(max_size=12))
def test_no_text_is_a_wrong_number(cell: str) -> None:
    good, bad = checked(NUMBER, [cell])

    assert len(good) + len(bad) == 1
    assert all(value == float(cell) and 0 <= value <= 1 for value in good)


def test_a_row_with_two_faults_is_told_of_both_and_leaves_the_others() -> None:
    table = pa.table({COUNT.name: ["1", "x", "3"], MONTH.name: ["Nov", "x", "Dec"]})

    found = check(table, [COUNT, MONTH])

    assert found.good.tolist() == [True, False, True]
    assert [(fault.row, fault.column) for fault in found.faults] == [
        (1, COUNT.name),
        (1, MONTH.name),
    ]
    assert found.inputs[COUNT.name].tolist() == [1, 3]
    assert found.inputs[MONTH.name].tolist() == ["Nov", "Dec"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (pa.float32(), "lost digits that the model's splits need"),
        (pa.float16(), "lost digits"),
        (pa.timestamp("s"), r"ExitRates holds timestamp\[s\]; expected numbers"),
    ],
)
def test_a_type_that_holds_no_such_values_is_refused(kind: Any, said: str) -> None:
    schema = pa.schema([(NUMBER.name, kind)])

    with pytest.raises(DataError, match=said):
        require_columns(schema, [NUMBER], "in.parquet", accept_float32=False)


def test_digits_may_be_lost_where_it_is_accepted_or_cannot_matter() -> None:
    lossy = pa.schema([(NUMBER.name, pa.float32()), (COUNT.name, pa.float32())])

    require_columns(lossy, [NUMBER], "in.parquet", accept_float32=True)
    require_columns(lossy, [COUNT], "in.parquet", accept_float32=False)
    assert checked(NUMBER, pa.array([np.float32(0.1)])) == ([float(np.float32(0.1))], [])


def test_a_missing_column_is_told_with_the_one_that_was_meant() -> None:
    schema = pa.schema([("exit_rates", pa.float64())])

    with pytest.raises(DataError, match=r"no column ExitRates, .* it has exit_rates for ExitRates"):
        require_columns(schema, [NUMBER], "in.parquet", accept_float32=False)
