"""Sessions that one of two models flags and the other does not, and what they look like."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ecom.review.verdicts import Side
from ecom.schema import ARRIVAL, CATEGORICAL, COLUMNS

MAX_TRAITS: Final = 3  # named for each group
# Whole numbers that are known at arrival are codes, such as of a browser: they have no mean.
CATEGORIES: Final = (
    *CATEGORICAL,
    *(column.name for column in COLUMNS if column.type == "integer" and column.known == ARRIVAL),
)


@dataclass(frozen=True)
class Trait:
    """The mean of a column in a group of sessions and in all; for a category, its share."""

    column: str
    group: float
    all: float


@dataclass(frozen=True)
class Group:
    """Sessions that crossed the threshold in the same direction.

    Attributes
    ----------
    sessions, purchases
        Number of sessions, and of those that ended in a purchase.
    base_score, head_score
        Mean scores.
    traits
        Columns whose mean in the group differs most from the mean of all sessions, in standard
        deviations; ``Month: Nov`` is the share of that category.
    rows
        Row numbers in the clean data.
    """

    sessions: int
    purchases: int
    base_score: float
    head_score: float
    traits: list[Trait]
    rows: list[int]


@dataclass(frozen=True)
class Crossings:
    """Sessions that only head flags, and sessions that only base flags."""

    newly_flagged: Group
    no_longer_flagged: Group


def crossings(
    sessions: pd.DataFrame, labels: "pd.Series[int]", base: Side, head: Side
) -> Crossings:
    """Find the sessions that crossed the threshold.

    Parameters
    ----------
    sessions, labels
        Raw sessions and their target, in the order of the scores of `base` and `head`. The index is
        the row's number in the clean data.
    base, head
        The two models, scored on these sessions; a session's score is the mean over repeats.
    """
    scores = [side.scores.mean(axis=0) for side in (base, head)]
    before, after = (own >= side.threshold for own, side in zip(scores, (base, head), strict=True))
    columns = _as_numbers(sessions)

    def group(chosen: Any) -> Group:
        return Group(
            sessions=int(chosen.sum()),
            purchases=int(labels[chosen].sum()),
            base_score=_mean(scores[0][chosen]),
            head_score=_mean(scores[1][chosen]),
            traits=_traits(columns, chosen),
            rows=sorted(int(row) for row in sessions.index[chosen]),
        )

    return Crossings(group(after & ~before), group(before & ~after))


def _as_numbers(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return numeric columns unchanged, and a column of 0 and 1 for each category."""
    categories = [name for name in sessions if name in CATEGORIES]
    return pd.get_dummies(sessions, columns=categories, prefix_sep=": ", dtype=float)


def _traits(columns: pd.DataFrame, chosen: Any) -> list[Trait]:
    if not chosen.any():
        return []
    spread = columns.std(ddof=0)
    apart = ((columns[chosen].mean() - columns.mean()).abs() / spread.where(spread > 0)).dropna()
    return [
        Trait(str(name), float(columns.loc[chosen, name].mean()), float(columns[name].mean()))
        for name in apart.sort_values(ascending=False, kind="stable").index[:MAX_TRAITS]
    ]


def _mean(scores: Any) -> float:
    return float(np.mean(scores)) if len(scores) else 0.0
