"""The verdict: no alarm without drift, an alarm with it, and what cannot be told is not told."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecom.drift.outcome import (
    CANNOT_TELL,
    DRIFT,
    EXPECTED,
    NO_DRIFT,
    REALISED,
    Drift,
    Settings,
    find_drift,
)
from ecom.drift.shifts import GIVEN_SCORE, PURCHASES
from ecom.errors import DataError
from ecom.schema import CALENDAR, FEATURES, TARGET
from ecom.serving.package import Package
from ecom.serving.profile import NOT_ALLOWED, SCORE


def compared(
    reference: str, new: pd.DataFrame, opened: Package, settings: Settings | None = None
) -> Drift:
    path = Path(reference).with_name("new.parquet")
    new.to_parquet(path)
    return find_drift(reference, str(path), opened, settings or Settings())


def names(drift: Drift) -> set[str]:
    return {shift.name for shift in drift.alarms}


def test_the_other_half_of_the_sessions_is_no_drift(
    opened: Package, sessions: pd.DataFrame, reference: str
) -> None:
    found = compared(reference, sessions[1500:], opened)

    assert (found.verdict, found.exit_status) == (NO_DRIFT, 0)
    asked = {shift.name for shift in found.shifts}
    assert asked >= {*FEATURES, SCORE, NOT_ALLOWED, PURCHASES, GIVEN_SCORE} - {*CALENDAR}
    assert [shift.name for shift in found.calendar] == ["SpecialDay", "Month"]
    assert found.sessions == found.outcomes == (1500, 1500)
    assert found.calibrated


def test_a_column_that_moved_raises_an_alarm(
    opened: Package, sessions: pd.DataFrame, reference: str
) -> None:
    moved = sessions[1500:].assign(BounceRates=sessions["BounceRates"] * 0.5)

    found = compared(reference, moved, opened)

    assert (found.verdict, found.exit_status) == (DRIFT, 1)
    assert "BounceRates" in names(found)
    assert "ProductRelated" not in names(found)


def test_another_month_alone_raises_no_alarm(
    opened: Package, sessions: pd.DataFrame, reference: str
) -> None:
    quiet = Settings(smallest=0.0)
    later = sessions[1500:].assign(Month="Dec", SpecialDay=0.0)

    found = compared(reference, later, opened, quiet)

    # The score knows the month, and may move with it.
    assert names(found) <= {SCORE, GIVEN_SCORE}
    assert [shift.after for shift in found.calendar if shift.name == "Month"] == [1.0]


def test_without_outcomes_quality_is_expected_alone(
    opened: Package, sessions: pd.DataFrame, reference: str
) -> None:
    found = compared(reference, sessions[1500:].drop(columns=TARGET), opened)

    assert list(found.quality) == ["reference, as realised", "new, as expected"]
    assert found.outcomes == (1500, 0)
    assert not {PURCHASES, GIVEN_SCORE} & {shift.name for shift in found.shifts}


def test_with_outcomes_what_came_stands_beside_what_was_expected(
    opened: Package, sessions: pd.DataFrame, reference: str
) -> None:
    found = compared(reference, sessions[1500:], opened)

    assert found.quality[REALISED]["pr_auc"].value > 0
    assert found.quality[EXPECTED] == found.quality["new, as expected"]


def test_the_profile_of_the_package_is_a_reference(
    package: Path, opened: Package, reference: str
) -> None:
    found = find_drift(str(package), reference, opened, Settings())

    assert found.sessions[0] == opened.profile.sessions
    assert found.quality
    with pytest.raises(DataError, match="--block needs a file of sessions"):
        find_drift(str(package), reference, opened, Settings(block="Month"))
    other = replace(opened, version="0" * 64)
    with pytest.raises(DataError, match="is another package than the one that scores"):
        find_drift(str(package), reference, other, Settings())


def test_days_are_taken_together(opened: Package, sessions: pd.DataFrame, tmp_path: Path) -> None:
    days = sessions.assign(day=np.arange(len(sessions)) // 100)
    days[:1500].to_csv(tmp_path / "reference.csv", index=False)

    found = compared(str(tmp_path / "reference.csv"), days[1500:], opened, Settings("day"))

    assert found.blocks == (15, 15)
    assert found.verdict == NO_DRIFT


def test_few_days_cannot_tell(opened: Package, sessions: pd.DataFrame, tmp_path: Path) -> None:
    days = sessions.assign(day=np.arange(len(sessions)) // 500)
    days[:1500].to_csv(tmp_path / "reference.csv", index=False)
    moved = days[1500:].assign(BounceRates=1.0)

    found = compared(str(tmp_path / "reference.csv"), moved, opened, Settings("day"))

    assert (found.verdict, found.exit_status) == (CANNOT_TELL, 3)


def test_a_week_beside_a_week_can_be_told(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    """Half of the days are too few for the classifier, but not all days for the columns."""
    days = sessions.assign(day=np.arange(len(sessions)) // 215)
    days[:1505].to_csv(tmp_path / "reference.csv", index=False)

    found = compared(str(tmp_path / "reference.csv"), days[1505:], opened, Settings("day"))
    moved = days[1505:].assign(BounceRates=0.9)
    changed = compared(str(tmp_path / "reference.csv"), moved, opened, Settings("day"))

    assert found.blocks == (7, 7)
    assert found.verdict == NO_DRIFT
    assert "all columns together" not in {shift.name for shift in found.shifts}
    assert "BounceRates" in names(changed)


def test_a_day_on_both_sides_is_refused(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    days = sessions.assign(day=np.arange(len(sessions)) // 100)
    days[:1550].to_csv(tmp_path / "reference.csv", index=False)

    with pytest.raises(DataError, match="day '15' is on both sides"):
        compared(str(tmp_path / "reference.csv"), days[1550:], opened, Settings("day"))


def test_few_sessions_are_refused(opened: Package, sessions: pd.DataFrame, reference: str) -> None:
    with pytest.raises(DataError, match=r"has 19 sessions; expected at least 20"):
        compared(reference, sessions[:19], opened)


def test_values_that_are_all_wrong_leave_the_other_columns(
    opened: Package, sessions: pd.DataFrame, reference: str
) -> None:
    found = compared(reference, sessions[1500:].assign(VisitorType="returning"), opened)

    assert NOT_ALLOWED in names(found)
    asked = {shift.name for shift in found.shifts}
    assert "PageValues" in asked
    assert "VisitorType" not in asked
    assert found.wrong["VisitorType"][0] == 1500
    assert "new, as expected" not in found.quality


def test_what_is_found_is_the_same_each_time_and_fits_json(
    opened: Package, sessions: pd.DataFrame, reference: str
) -> None:
    texts = {
        json.dumps(compared(reference, sessions[1500:], opened).to_json(), allow_nan=False)
        for _ in range(2)
    }

    assert len(texts) == 1
    content: dict[str, Any] = json.loads(texts.pop())
    assert content["verdict"] == NO_DRIFT
    assert {"name", "place", "before", "after", "difference", "interval", "p_value", "alarms"} <= (
        content["shifts"][0].keys()
    )
