"""Refits see only what they may: the months before, other columns, a share of the other folds."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from ecom.data.periods import periods_of
from ecom.errors import DataError
from ecom.models.pipelines import build_pipeline
from ecom.models.refits import scores_on_shares, scores_over_time
from ecom.models.rounding import purchase_scores
from ecom.schema import GROUPS
from generated import features_and_labels

SESSIONS, LABELS = features_and_labels()
LOGISTIC = partial(build_pipeline, "logistic", C=1.0)
MODELS = {"baseline": LOGISTIC, "best_model": partial(build_pipeline, "logistic", C=0.1)}
FOLD = np.arange(len(LABELS)) % 3
ORDER = np.random.default_rng(0).permutation(len(LABELS)).astype(np.uint64)


def over_time(
    sessions: pd.DataFrame = SESSIONS,
    months_before: int | None = 7,
    labels: "pd.Series[int]" = LABELS,
) -> pd.DataFrame:
    periods = periods_of(SESSIONS["Month"], pd.Series("all", SESSIONS.index), ["all"])
    return scores_over_time(
        sessions, labels, MODELS, periods=periods, months_before=months_before, n_jobs=1
    )


def test_a_month_is_scored_by_a_fit_to_the_months_before_it_alone() -> None:
    months = ["Feb", "Mar", "May", "June", "Jul", "Aug", "Sep", "Oct"]
    before, own = SESSIONS["Month"].isin(months), SESSIONS["Month"] == "Nov"
    expected = LOGISTIC().fit(SESSIONS[before], LABELS[before])

    found = over_time()

    np.testing.assert_array_equal(
        found.loc[own[own].index, "baseline"], purchase_scores(expected, SESSIONS[own])
    )
    assert set(SESSIONS["Month"][found.index]) == {"Oct", "Nov", "Dec"}


def test_later_sessions_change_no_earlier_score() -> None:
    late = SESSIONS["Month"].isin(["Nov", "Dec"])
    other = SESSIONS.assign(PageValues=SESSIONS["PageValues"].where(~late, 99.0))

    october = SESSIONS.index[SESSIONS["Month"] == "Oct"]

    pd.testing.assert_frame_equal(over_time(other).loc[october], over_time().loc[october])


@pytest.mark.parametrize("group", GROUPS)
def test_without_a_group_of_columns_the_model_sees_nothing_of_them(group: str) -> None:
    columns = [name for name in GROUPS[group] if name != "Month"]  # which says what is before
    shuffled = SESSIONS.assign(
        **{name: np.random.default_rng(0).permutation(SESSIONS[name]) for name in columns}
    )

    found, other = over_time(), over_time(shuffled)

    pd.testing.assert_series_equal(found[group], other[group])
    if group in ("page values", "pages and durations"):
        assert (found["best_model"] != other["best_model"]).any()


def test_months_without_sessions_or_with_nothing_to_learn_from_are_passed_over() -> None:
    labels = LABELS.where(~SESSIONS["Month"].isin(["Feb", "Mar"]), 0)

    found = over_time(months_before=1, labels=labels)

    assert not {"Feb", "Mar", "May", "Apr"} & set(SESSIONS["Month"][found.index])
    assert "June" in set(SESSIONS["Month"][found.index])
    assert over_time(months_before=None).empty
    assert over_time(months_before=12).empty


def on_shares(shares: list[float], labels: "pd.Series[int]" = LABELS) -> pd.DataFrame:
    return scores_on_shares(
        SESSIONS, labels, MODELS, fold=FOLD, order=ORDER, shares=shares, n_jobs=1
    )


def test_a_share_is_the_first_rows_of_the_other_folds_in_the_given_order() -> None:
    others = np.flatnonzero(FOLD != 2)
    taken = sorted(others[np.argsort(ORDER[others])][: len(others) // 2])
    expected = LOGISTIC().fit(SESSIONS.iloc[taken], LABELS.iloc[taken])

    found = on_shares([0.5])

    np.testing.assert_array_equal(
        found["baseline 0.5"][FOLD == 2], purchase_scores(expected, SESSIONS[FOLD == 2])
    )
    assert len(found) == len(LABELS)
    assert list(on_shares([0.25, 0.5])) == [
        f"{name} {share}" for name in MODELS for share in (0.25, 0.5)
    ]


def test_a_share_of_one_class_is_refused() -> None:
    labels = LABELS.copy()
    labels.iloc[np.argsort(ORDER)[:300]] = 0

    with pytest.raises(
        DataError, match=r"learning_curve\.shares has 0\.25: \d+ training rows, all"
    ):
        on_shares([0.25], labels)
