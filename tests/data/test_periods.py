"""Periods are in order of time: months of a year, or files."""

import pandas as pd
import pytest

from ecom.data.parts import ONE_FILE, Parts
from ecom.data.periods import parts_of_rows, periods_of
from ecom.errors import DataError


def test_rows_know_their_file_whatever_rows_are_left() -> None:
    parts = Parts(["2025-12", "2026-01"], [3, 2])

    found = parts_of_rows(parts, pd.Index([4, 0, 2]))

    assert found.to_dict() == {4: "2026-01", 0: "2025-12", 2: "2025-12"}


def test_one_file_has_any_number_of_rows() -> None:
    assert set(parts_of_rows(ONE_FILE, pd.RangeIndex(10**5))) == {"all"}


def test_rows_beyond_the_files_are_refused() -> None:
    with pytest.raises(DataError, match=r"hold 5 rows; expected more than 5: run `dvc repro --fo"):
        parts_of_rows(Parts(["2025-12", "2026-01"], [3, 2]), pd.RangeIndex(6))


def test_the_same_month_of_two_years_is_two_periods() -> None:
    months = pd.Series(["Nov", "Dec", "Nov"])
    files = pd.Series(["2025-11", "2025-12", "2026-11"])

    found = periods_of(months, files, list(files))

    assert found.cat.codes.tolist() == [0, 1, 2]
    assert list(found) == list(files)
    assert periods_of(months, pd.Series(["all"] * 3), ["all"]).cat.codes.tolist() == [0, 1, 0]


def test_a_file_of_several_months_is_a_period_for_each() -> None:
    months = pd.Series(["Dec", "Feb", "Dec", "Mar", "Jan"])
    files = pd.Series(["old", "old", "old", "old", "2026-01"])

    found = periods_of(months, files, ["old", "2026-01"])

    assert list(found.cat.categories) == ["old Feb", "old Mar", "old Dec", "2026-01"]
    assert found.cat.codes.tolist() == [2, 0, 2, 1, 3]


def test_a_few_sessions_of_another_month_split_no_file() -> None:
    months = pd.Series(["Jan"] * 19 + ["Dec"] + ["Feb"] * 20)
    files = pd.Series(["2026-01"] * 20 + ["2026-02"] * 20)

    assert list(periods_of(months, files, ["2026-01", "2026-02"]).cat.categories) == [
        "2026-01",
        "2026-02",
    ]


def test_sessions_in_any_order_are_in_order_of_the_files() -> None:
    months = pd.Series(["Mar", "Jan", "Feb", "Jan"])
    parts = pd.Series(["c", "a", "b", "a"])

    found = periods_of(months, parts, ["a", "b", "c"])

    assert found.cat.codes.tolist() == [2, 0, 1, 0]


def test_a_month_that_is_none_has_no_period() -> None:
    found = periods_of(pd.Series(["Nov", "Smarch"]), pd.Series(["all", "all"]), ["all"])

    assert found.cat.codes.tolist() == [0, -1]
