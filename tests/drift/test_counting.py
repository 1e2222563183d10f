"""Files are counted whole, whatever their form, and the faults in them are named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecom.drift import counting
from ecom.drift.counting import Sampler, count
from ecom.errors import DataError
from ecom.schema import FEATURES, TARGET
from ecom.serving.bulk.labelled import read_rows
from ecom.serving.package import Package
from ecom.serving.profile import NOT_ALLOWED, SCORE, Bins, Profile, bins_of


def bins(sessions: pd.DataFrame) -> dict[str, Bins]:
    return {name: bins_of(name, sessions[name].to_numpy()) for name in FEATURES}


def counted(path: Path, opened: Package, sessions: pd.DataFrame) -> Profile:
    rows = read_rows(str(path), opened, None)
    return count(rows, bins(sessions), opened.manifest.threshold).profile


def assert_equal(one: Profile, other: Profile) -> None:
    for name, tally in one.items():
        np.testing.assert_array_equal(tally.counts, other[name].counts, err_msg=name)


def test_a_file_and_a_folder_of_its_parts_count_the_same(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    sessions.to_csv(tmp_path / "all.csv", index=False)
    (tmp_path / "parts").mkdir()
    sessions[:999].to_parquet(tmp_path / "parts" / "a.parquet", row_group_size=100)
    sessions[999:].to_parquet(tmp_path / "parts" / "b.parquet")

    whole = counted(tmp_path / "all.csv", opened, sessions)
    parts = counted(tmp_path / "parts", opened, sessions)

    assert whole.sessions == len(sessions)
    assert whole[SCORE].by_outcome.sum(axis=1).tolist() == [
        int((~sessions[TARGET]).sum()),
        int(sessions[TARGET].sum()),
        0,
    ]
    assert_equal(whole, parts)


def test_without_outcomes_every_outcome_is_unknown(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    sessions.drop(columns=TARGET).to_csv(tmp_path / "new.csv", index=False)

    found = counted(tmp_path / "new.csv", opened, sessions)

    assert found[NOT_ALLOWED].by_outcome.sum(axis=1).tolist() == [0, 0, len(sessions)]


def test_an_outcome_that_is_missing_is_unknown_alone(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    texts = sessions[TARGET].astype(str).where(sessions.index % 3 > 0, "")
    sessions.assign(**{TARGET: texts}).to_csv(tmp_path / "new.csv", index=False)

    found = counted(tmp_path / "new.csv", opened, sessions)

    assert found[SCORE].by_outcome.sum(axis=1)[2] == 1000
    assert found[NOT_ALLOWED].by_outcome[:, 1].sum() == 0


def test_a_value_that_is_not_allowed_leaves_the_rest_of_its_session(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    changed = sessions.copy()
    changed.loc[:99, "VisitorType"] = "returning"
    text = changed.to_csv(index=False) + "no row\n"
    (tmp_path / "new.csv").write_text(text)

    rows = read_rows(str(tmp_path / "new.csv"), opened, None)
    found = count(rows, bins(sessions), opened.manifest.threshold)

    assert found.profile[NOT_ALLOWED].by_outcome.sum(axis=0).tolist() == [2900, 101]
    assert found.profile["VisitorType"].counts.sum() == 2900
    assert found.profile["PageValues"].counts.sum() == 3000
    assert found.profile[SCORE].counts.sum() == 2900
    times, fault = found.wrong["VisitorType"]
    assert (times, fault.value, found.broken) == (100, "returning", 1)


def test_a_day_is_a_block(opened: Package, sessions: pd.DataFrame, tmp_path: Path) -> None:
    hours = pd.Timestamp("2026-11-01") + pd.to_timedelta(sessions.index % 72, unit="h")
    sessions.assign(at=hours).to_parquet(tmp_path / "new.parquet")

    rows = read_rows(str(tmp_path / "new.parquet"), opened, "at")
    found = count(rows, bins(sessions), opened.manifest.threshold)

    assert sorted(found.blocks) == ["2026-11-01", "2026-11-02", "2026-11-03"]
    assert found.profile["Weekend"].counts.sum(axis=(1, 2)).tolist() == [1008, 1008, 984]


def test_times_in_texts_are_days_too(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    hours = pd.Timestamp("2026-11-01 10:00") + pd.to_timedelta(sessions.index % 72, unit="h")
    sessions.assign(at=hours.astype(str)).to_csv(tmp_path / "new.csv", index=False)

    rows = read_rows(str(tmp_path / "new.csv"), opened, "at")
    found = count(rows, bins(sessions), opened.manifest.threshold)

    assert sorted(found.blocks) == ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"]


def test_a_row_without_a_block_is_refused(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    days = sessions.assign(day=np.where(sessions.index == 7, "", "monday"))
    days.to_csv(tmp_path / "new.csv", index=False)

    with pytest.raises(DataError, match="day, which --block names, is empty in some rows"):
        next(read_rows(str(tmp_path / "new.csv"), opened, "day"))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_without_sessions_is_refused(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"new.{ending}"
    sessions[:0].to_csv(path, index=False) if ending == "csv" else sessions[:0].to_parquet(path)

    with pytest.raises(DataError, match="holds no sessions"):
        list(read_rows(str(path), opened))


def test_too_many_blocks_are_refused(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_BLOCKS", 100)
    sessions.assign(visitor=sessions.index).to_csv(tmp_path / "new.csv", index=False)
    rows = read_rows(str(tmp_path / "new.csv"), opened, "visitor")

    with pytest.raises(DataError, match="more than 100 values: expected a coarser one"):
        count(rows, bins(sessions), opened.manifest.threshold)


def test_a_block_that_is_no_column_is_refused(opened: Package, reference: str) -> None:
    with pytest.raises(DataError, match=r"reference.csv has no column day, which --block names"):
        next(read_rows(reference, opened, "day"))


def test_every_session_is_drawn_with_the_same_chance(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "SAMPLED", 500)
    ordered = sessions.assign(PageValues=np.arange(len(sessions), dtype=float))
    ordered.to_parquet(tmp_path / "new.parquet", row_group_size=300)
    sampler = Sampler(opened.manifest.columns, seed=0)

    for rows in read_rows(str(tmp_path / "new.parquet"), opened, None):
        sampler.add(rows)

    drawn = sampler.values[:, list(FEATURES).index("PageValues")]  # noqa: PD011  no frame
    assert len(drawn) == len(np.unique(drawn)) == 500
    thirds = np.bincount((drawn // 1000).astype(int), minlength=3)
    assert thirds.min() > 120  # of 167 to expect: less comes by chance once in 10,000
