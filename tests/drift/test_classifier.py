"""A classifier tells sessions apart whose columns moved only together."""

from pathlib import Path

import numpy as np
import pandas as pd

from ecom.drift.classifier import TOGETHER, about_all_columns
from ecom.drift.counting import Sampler
from ecom.drift.shifts import answer
from ecom.schema import CALENDAR
from ecom.serving.bulk.labelled import read_rows
from ecom.serving.package import Package


def sampled(
    table: pd.DataFrame, opened: Package, folder: Path, block: str | None = None
) -> Sampler:
    table.to_parquet(folder / "sessions.parquet")
    sampler = Sampler(opened.manifest.columns, seed=0)
    for rows in read_rows(str(folder / "sessions.parquet"), opened, block):
        sampler.add(rows)
    return sampler


def test_columns_that_belong_together_no_longer_are_seen(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    reference = sampled(sessions[:1500], opened, tmp_path)
    # Each column as it was, but no longer beside the others.
    name = "ExitRates"
    shuffled = sessions[1500:].assign(**{name: sessions[name][1500:].sample(frac=1).to_numpy()})
    same, torn = (sampled(new, opened, tmp_path) for new in (sessions[1500:], shuffled))

    found = [
        answer([question], 0.02, 0)[0]
        for new in (same, torn)
        if (
            question := about_all_columns(opened.manifest.columns, reference, new, 0, blocked=False)
        )
    ]

    assert [shift.name for shift in found] == [TOGETHER] * 2
    assert [shift.alarms for shift in found] == [False, True]


def test_the_calendar_tells_nothing_apart(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    later = sessions[1500:].assign(Month="Dec", SpecialDay=0.8)
    assert {"Month", "SpecialDay"} == {*CALENDAR}

    question = about_all_columns(
        opened.manifest.columns,
        sampled(sessions[:1500].assign(Month="May"), opened, tmp_path),
        sampled(later, opened, tmp_path),
        0,
        blocked=False,
    )

    assert question is not None
    assert not answer([question], 0.02, 0)[0].alarms


def test_sessions_that_came_twice_are_not_known_again(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    twice = pd.concat([sessions[1500:2250]] * 2)

    question = about_all_columns(
        opened.manifest.columns,
        sampled(sessions[:1500], opened, tmp_path),
        sampled(twice, opened, tmp_path),
        0,
        blocked=False,
    )

    assert question is not None
    found = answer([question], 0.02, 0)[0]
    assert not found.alarms  # the difference was 0.26 when copies lay in both halves


def test_blocks_are_not_split(opened: Package, sessions: pd.DataFrame, tmp_path: Path) -> None:
    days = sessions.assign(day=np.arange(len(sessions)) // 150)

    question = about_all_columns(
        opened.manifest.columns,
        sampled(days[:1500], opened, tmp_path, "day"),
        sampled(days[1500:], opened, tmp_path, "day"),
        0,
        blocked=True,
    )

    assert question is not None
    assert len(question.pair.reference) == len(question.pair.new) == 5
    assert question.pair.reference.sum(axis=(1, 2)).tolist() == [150] * 5


def test_too_few_sessions_cannot_be_halved(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    few, many = (sampled(sessions[:size], opened, tmp_path) for size in (30, 100))

    assert about_all_columns(opened.manifest.columns, few, many, 0, blocked=False) is None
