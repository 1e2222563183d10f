"""What kind of drift it is, is said as far as it can be told, and no further."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecom.drift.outcome import Settings, find_drift
from ecom.drift.wording import (
    BLIND,
    causes,
    headline,
    known_again,
    notes,
    reservations,
    surprises,
    to_markdown,
)
from ecom.schema import TARGET
from ecom.serving.package import Package
from generated import features_and_labels


def halves(sessions: pd.DataFrame, new: pd.DataFrame, folder: Path) -> tuple[str, str]:
    paths = folder / "reference.parquet", folder / "new.parquet"
    for path, table in zip(paths, (sessions, new), strict=True):
        table.to_parquet(path)
    return str(paths[0]), str(paths[1])


@pytest.fixture
def sides(sessions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return many sessions on either side."""
    return (
        sessions[:1500].sample(6000, replace=True, random_state=0),
        sessions[:1500].sample(6000, replace=True, random_state=1),
    )


def test_no_drift_says_what_may_have_gone_unseen(
    opened: Package, sides: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    found = find_drift(*halves(*sides, tmp_path), opened, Settings())

    assert re.fullmatch(r"No drift seen: none of \d+ comparisons raises an alarm", headline(found))
    assert causes(found) == []
    assert BLIND in to_markdown(found)


def test_fewer_purchases_alone_are_a_prior_shift(
    opened: Package, sides: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    reference, new = sides
    bought = np.flatnonzero(new[TARGET])
    fewer = new.iloc[np.delete(np.arange(len(new)), bought[::2])]

    found = find_drift(*halves(reference, fewer, tmp_path), opened, Settings())

    assert [cause.partition(":")[0] for cause in causes(found)] == ["Prior shift"]


def test_scores_that_mean_less_are_concept_drift(
    opened: Package, sides: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    reference, new = sides
    # Purchases happen to sessions that nobody would expect to buy, and to none of the others.
    label = new[TARGET].sample(frac=1, random_state=2).to_numpy()

    found = find_drift(
        *halves(reference, new.assign(**{TARGET: label}), tmp_path), opened, Settings()
    )

    assert [cause.partition(":")[0] for cause in causes(found)] == ["Concept drift"]
    assert any("as realised;" in each for each in surprises(found))


def test_purchases_that_do_not_happen_at_the_same_score_are_no_prior_shift(
    opened: Package, sides: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    """The share of purchases moves, and no column does."""
    reference, new = sides
    kept = np.random.default_rng(3).random(len(new)) < 0.6

    found = find_drift(
        *halves(reference, new.assign(**{TARGET: new[TARGET] & kept}), tmp_path), opened, Settings()
    )

    assert [cause.partition(":")[0] for cause in causes(found)] == ["Concept drift"]


def test_outcomes_that_are_known_in_part_are_pointed_out(
    opened: Package, sides: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    reference, new = sides
    part = new[TARGET].astype(object).where(np.arange(len(new)) % 2 > 0, None)

    found = find_drift(
        *halves(reference, new.assign(**{TARGET: part}), tmp_path), opened, Settings()
    )

    assert any("Outcomes are known of 3,000 of" in each for each in reservations(found))
    assert list(found.quality) == [
        *("reference, as realised", "new, as expected"),
        *("new with known outcome, as expected", "new with known outcome, as realised"),
    ]


def test_sessions_that_the_model_was_fitted_to_are_pointed_out(
    opened: Package, sides: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    features, labels = features_and_labels()
    seen = features.assign(**{TARGET: labels.astype(bool)}).astype({"Weekend": bool})

    found = find_drift(*halves(sides[0], seen, tmp_path), opened, Settings())

    assert found.fitted_to == (0, len(seen))
    (note,) = known_again(found)
    assert note.startswith(f"{len(seen):,} of the new sessions are like one that the model was")
    assert note in to_markdown(found)


def test_a_score_that_knows_the_month_may_move_by_it(
    opened: Package, sides: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    reference, new = sides

    found = find_drift(
        *halves(reference, new.assign(PageValues=new["PageValues"] * 9), tmp_path),
        opened,
        Settings(),
    )

    assert any("may move by them alone" in note for note in notes(found))
    assert any(note.startswith("Expected PR-AUC: ") for note in notes(found))


def test_columns_without_outcomes_leave_it_open(
    opened: Package, sides: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    reference, new = sides
    moved = new.assign(Region=1).drop(columns=TARGET)

    found = find_drift(*halves(reference, moved, tmp_path), opened, Settings())

    assert len(causes(found)) == 1
    assert "Too few outcomes are known to tell" in causes(found)[0]


def test_columns_that_moved_with_outcomes_are_named_for_what_they_are(
    opened: Package, sides: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    reference, new = sides

    found = find_drift(*halves(reference, new.assign(Region=1), tmp_path), opened, Settings())

    assert [cause.partition(":")[0] for cause in causes(found)] == ["Drift of columns"]
    assert "| Region | Region 1 |" in to_markdown(found)


def test_values_that_are_not_allowed_come_first(
    opened: Package, sides: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    reference, new = sides
    renamed = new.assign(VisitorType=new["VisitorType"].replace("Returning_Visitor", "returning"))

    found = find_drift(*halves(reference, renamed, tmp_path), opened, Settings())

    assert causes(found)[0].startswith("Values that are not allowed")
    assert "returning; expected one of" in to_markdown(found)


def test_few_blocks_are_said_to_be_few(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    days = sessions.assign(day=np.arange(len(sessions)) // 500)

    found = find_drift(*halves(days[:1500], days[1500:], tmp_path), opened, Settings("day"))

    assert headline(found).startswith("Cannot tell: with so few blocks")
    assert "in 3 and 3 blocks" in to_markdown(found)
