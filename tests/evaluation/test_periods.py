"""The split in time keeps the rows before the test months, if both classes are among them."""

import pandas as pd
import pytest

from ecom.errors import DataError
from ecom.evaluation.periods import earlier, require_both_classes, rows_before

LABELS = pd.Series([0, 1, 0, 1])
MONTHS = pd.Series(["May", "May", "Nov", "Dec"])


def test_rows_of_the_test_months_are_not_before_them() -> None:
    assert rows_before(MONTHS, LABELS, ["Nov", "Dec"]).tolist() == [True, True, False, False]


def test_no_rows_before_the_test_months_are_a_clear_error() -> None:
    with pytest.raises(
        DataError, match=r"before temporal\.first_test_month May there are 0 training"
    ):
        rows_before(MONTHS, LABELS, ["May", "Nov", "Dec"])


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1]])
def test_rows_of_one_class_are_refused(labels: list[int]) -> None:
    with pytest.raises(
        DataError,
        match=r"both classes are needed\. Set temporal\.first_test_month to another month, or to null",
    ):
        require_both_classes(pd.Series(labels, dtype=int), "in May", "test")


def test_a_refit_is_named_after_its_model() -> None:
    assert earlier("baseline") == "earlier_baseline"
