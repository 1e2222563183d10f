"""Sessions that only one side flags are found, with what they look like."""

import numpy as np
import pandas as pd

from ecom.review.crossings import crossings
from ecom.review.verdicts import Side
from ecom.review.wording import to_markdown
from ecom.schema import TARGET
from recorded import SCORES, SESSIONS, compared, state


def test_sessions_that_changed_sides_are_told_with_what_they_look_like() -> None:
    new = (SESSIONS["VisitorType"] == "New_Visitor").to_numpy() & (SCORES < 0.5)
    head = np.where(new, 0.6, SCORES)

    comparison = compared(state("main", SESSIONS, SCORES), state("branch", SESSIONS, head))

    assert comparison.crossings is not None
    group = comparison.crossings.newly_flagged
    assert group.sessions == new.sum()
    assert group.purchases == SESSIONS[TARGET][new].sum()
    assert group.traits[0].column == "VisitorType: New_Visitor"
    assert group.traits[0].group == 1
    assert group.rows == SESSIONS.index[new].tolist()
    assert comparison.crossings.no_longer_flagged.sessions == 0
    assert "newly flagged" in to_markdown(comparison)


def test_a_group_of_sessions_is_described_by_columns_that_vary() -> None:
    constant = SESSIONS.assign(Informational=0)
    assert isinstance(constant, pd.DataFrame)

    comparison = compared(
        state("main", constant, SCORES), state("branch", constant, SCORES, threshold=0.6)
    )

    assert comparison.crossings is not None
    columns = {trait.column for trait in comparison.crossings.no_longer_flagged.traits}
    assert columns
    assert "Informational" not in columns


def test_the_same_side_twice_has_no_crossings() -> None:
    side = Side(SCORES[None], 0.5)

    found = crossings(SESSIONS.drop(columns=TARGET), SESSIONS[TARGET], side, side)

    assert found.newly_flagged.sessions == found.no_longer_flagged.sessions == 0
    assert found.newly_flagged.traits == []
