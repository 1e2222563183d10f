"""Slices hold every session once each way, mark what is small, and name what is worst."""

from typing import Any

import numpy as np
import pytest

from ecom.evaluation.ranking import ranking_metrics
from ecom.evaluation.slices import PAGES, SLICES, confident_mistakes, slice_metrics, worst_slices
from ecom.params.bootstrap import Bootstrap
from generated import features_and_labels

BOOTSTRAP = Bootstrap(resamples=100, seed=0)
SESSIONS, LABELS = features_and_labels()
NOISE = np.random.default_rng(0).normal(0, 0.1, len(LABELS))
SCORES = np.clip(0.15 + 0.5 * (SESSIONS["PageValues"].to_numpy() > 0) + NOISE, 0.01, 0.99)


def slices(small: int = 10) -> Any:
    return slice_metrics(SESSIONS, LABELS, SCORES, threshold=0.4, small=small, bootstrap=BOOTSTRAP)


def test_each_slicing_holds_every_session_once() -> None:
    table = slices()

    assert list(dict.fromkeys(table["slice"])) == list(SLICES)
    for _, rows in table.groupby("slice"):
        assert rows["sessions"].sum() == len(LABELS)
        assert rows["purchases"].sum() == LABELS.sum()


def test_a_slice_is_judged_by_its_own_rows_alone() -> None:
    table = slices().set_index(["slice", "value"])
    chosen = (SESSIONS["VisitorType"] == "Returning_Visitor").to_numpy()
    row = table.loc[("VisitorType", "Returning_Visitor")]

    flagged = SCORES[chosen] >= 0.4
    assert row["pr_auc"] == pytest.approx(ranking_metrics(LABELS[chosen], SCORES[chosen])["pr_auc"])
    assert row["low"] <= row["pr_auc"] <= row["high"]
    assert row["precision"] == pytest.approx(LABELS[chosen][flagged].mean())
    assert row["calibration"] == pytest.approx(SCORES[chosen].mean() - LABELS[chosen].mean())


def test_session_lengths_are_in_order_and_by_pages() -> None:
    rows = slices()[lambda table: table["slice"] == "pages"]
    pages = SESSIONS["Administrative"] + SESSIONS["Informational"] + SESSIONS["ProductRelated"]

    assert rows["value"].tolist() == [
        value for value in PAGES.values() if value in set(rows["value"])
    ]
    assert rows.set_index("value").loc["6 to 15", "sessions"] == pages.between(6, 15).sum()


def test_small_slices_are_marked_and_not_named_worst() -> None:
    table = slices(small=10)
    worst = worst_slices(table)
    large = table[~table["small"]]

    assert table["small"].tolist() == [
        min(row["purchases"], row["sessions"] - row["purchases"]) < 10
        for row in table.to_dict("records")
    ]
    assert worst["ranking"]["above_chance"] == large["above_chance"].min()
    assert abs(worst["calibration"]["calibration_z"]) == large["calibration_z"].abs().max()
    assert worst_slices(slices(small=100_000)) == {}


def test_a_slice_of_one_class_has_no_pr_auc_and_stops_nothing() -> None:
    chosen = (LABELS == 0).to_numpy() | (SESSIONS["Region"] != 1).to_numpy()

    table: Any = slice_metrics(
        SESSIONS[chosen],
        LABELS[chosen],
        SCORES[chosen],
        threshold=2,
        small=10,
        bootstrap=BOOTSTRAP,
    ).set_index(["slice", "value"])
    row = table.loc[("Region", "1")]

    assert row["purchases"] == 0
    assert row[["pr_auc", "low", "precision", "recall"]].isna().all()
    assert row["small"]


def test_the_most_confident_mistakes_come_first_with_their_columns() -> None:
    table: Any = confident_mistakes(SESSIONS, LABELS, SCORES, 5)

    wrong, missed = table[:5], table[5:]
    assert wrong["actual"].tolist() == ["no purchase"] * 5
    assert wrong["score"].tolist() == sorted(SCORES[LABELS == 0], reverse=True)[:5]
    assert missed["actual"].tolist() == ["purchase"] * 5
    assert missed["score"].tolist() == sorted(SCORES[LABELS == 1])[:5]
    first = table.iloc[0]
    assert first["PageValues"] == SESSIONS.loc[first["row"], "PageValues"]


def test_calibration_counts_in_standard_errors_of_the_purchases_expected() -> None:
    sessions, labels = SESSIONS[:100].assign(Region=1), LABELS[:100] * 0
    labels.iloc[:30] = 1

    table: Any = slice_metrics(
        sessions, labels, np.full(100, 0.2), threshold=0.5, small=1, bootstrap=BOOTSTRAP
    ).set_index(["slice", "value"])

    assert table.loc[("Region", "1"), "calibration_z"] == pytest.approx((20 - 30) / 4)
