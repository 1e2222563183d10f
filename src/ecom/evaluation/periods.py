"""The split in time: the months before the test months, and the names of refits to them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ecom.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from ecom.params.temporal import Temporal
    from ecom.schema import FeatureSet


def earlier(model: str) -> str:
    """Return the name of a model's refit to the months before the test months."""
    return f"earlier_{model}"


def refit_params(feature_set: "FeatureSet", temporal: "Temporal") -> dict[str, Any]:
    """Return the params that refits depend on: kept beside them, to tell whether they are stale."""
    return {"features.set": feature_set, **temporal.model_dump()}


def rows_before(
    months: "pd.Series[str]", labels: "pd.Series[int]", test_months: Sequence[str]
) -> "pd.Series[bool]":
    """Return which training rows lie before the test months.

    Raises
    ------
    DataError
        They are not of both classes.
    """
    before = ~months.isin(test_months)
    require_both_classes(
        labels[before], f"before temporal.first_test_month {test_months[0]}", "training"
    )
    return before


def require_both_classes(labels: "pd.Series[int]", when: str, kind: str) -> None:
    """Refuse rows of one class.

    Parameters
    ----------
    labels
        Labels of the rows.
    when, kind
        Which rows they are, for the message.

    Raises
    ------
    DataError
        All rows are of one class, or there are none.
    """
    sessions, purchases = len(labels), int(labels.sum())
    if not 0 < purchases < sessions:
        raise DataError(
            f"{when} there are {sessions:,} {kind} rows, {purchases:,} of them purchases: "
            "both classes are needed. Set temporal.first_test_month to another month, or to null "
            "for no hold-out in time"
        )
