"""Refits see only what they may: the other columns, or the months before."""

from typing import Any

import numpy as np
import pytest

from ecom.errors import DataError
from ecom.models.pipelines import build_pipeline
from ecom.models.refits import refit
from ecom.models.rounding import round_parameters
from generated import features_and_labels

SESSIONS, LABELS = features_and_labels()
SETTINGS: dict[str, dict[str, Any]] = {
    "baseline": {"candidate": "logistic", "C": 1.0},
    "best_model": {"candidate": "logistic"},
}


def test_the_other_feature_set_and_both_earlier_models_are_fitted() -> None:
    refits = refit(
        SESSIONS, LABELS, SETTINGS, feature_set="end_of_session", test_months=["Nov", "Dec"]
    )

    assert set(refits) == {"at_arrival", "earlier_baseline", "earlier_best_model"}
    before = ~SESSIONS["Month"].isin(["Nov", "Dec"])
    expected = build_pipeline("logistic", C=1.0).fit(SESSIONS[before], LABELS[before])
    np.testing.assert_array_equal(
        refits["earlier_baseline"].predict_proba(SESSIONS),
        round_parameters(expected).predict_proba(SESSIONS),
    )
    later = SESSIONS.assign(PageValues=0.0, ProductRelated=0)
    np.testing.assert_array_equal(
        refits["at_arrival"].predict_proba(SESSIONS), refits["at_arrival"].predict_proba(later)
    )


def test_without_test_months_only_the_other_feature_set_is_fitted() -> None:
    refits = refit(SESSIONS, LABELS, SETTINGS, feature_set="at_arrival", test_months=[])

    assert set(refits) == {"end_of_session"}


def test_months_without_earlier_rows_are_refused() -> None:
    months = ["Feb", "Mar", "May", "June", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    with pytest.raises(DataError, match="before temporal"):
        refit(SESSIONS, LABELS, SETTINGS, feature_set="at_arrival", test_months=months)
