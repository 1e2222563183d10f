"""Sessions that two models put on different sides of their thresholds, and what they look like."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from ecom.review.verdicts import Side
from ecom.schema import ARRIVAL, CATEGORICAL, COLUMNS

TRAITS: Final = 3  # named of each group
# Whole numbers known at arrival are codes, of a browser or a region: their means mean nothing.
CATEGORIES: Final = (
    *CATEGORICAL,
    *(column.name for column in COLUMNS if column.type == "integer" and column.known == ARRIVAL),
)


@dataclass(frozen=True)
class Trait:
    """A column in which a group of sessions differs from all; a category by its share."""

    column: str
    group: float
    all: float


@dataclass(frozen=True)
class Group:
    """Sessions that changed sides in the same direction.

    Attributes
    ----------
    sessions, purchases
        How many, and how many of them bought.
    base_score, head_score
        Means.
    traits
        Columns in which their mean differs most from that of all sessions, in standard deviations;
        ``Month: Nov`` is the share of that category.
    rows
        Their numbers in the clean data.
    """

    sessions: int
    purchases: int
    base_score: float
    head_score: float
    traits: list[Trait]
    rows: list[int]


@dataclass(frozen=True)
class Crossings:
    """Sessions that head flags and base did not, and those that only base flagged."""

    newly_flagged: Group
    no_longer_flagged: Group


def crossings(
    sessions: pd.DataFrame, labels: "pd.Series[int]", base: Side, head: Side
) -> Crossings:
    """Find the sessions that changed sides.

    Parameters
    ----------
    sessions, labels
        Raw sessions and their target, row by row as the scores of `base` and `head`; the index is
        the row's number in the clean data.
    """
    before, after = (side.scores >= side.threshold for side in (base, head))
    columns = _as_numbers(sessions)

    def group(chosen: Any) -> Group:
        return Group(
            sessions=int(chosen.sum()),
            purchases=int(labels[chosen].sum()),
            base_score=_mean(base.scores[chosen]),
            head_score=_mean(head.scores[chosen]),
            traits=_traits(columns, chosen),
            rows=[int(row) for row in sessions.index[chosen]],
        )

    return Crossings(group(after & ~before), group(before & ~after))


def _as_numbers(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return numeric columns as they are, and a column of 0 and 1 for each category."""
    categories = [name for name in sessions if name in CATEGORIES]
    return pd.get_dummies(sessions, columns=categories, prefix_sep=": ", dtype=float)


def _traits(columns: pd.DataFrame, chosen: Any) -> list[Trait]:
    if not chosen.any():
        return []
    spread = columns.std(ddof=0)
    apart = ((columns[chosen].mean() - columns.mean()).abs() / spread.where(spread > 0)).dropna()
    return [
        Trait(str(name), float(columns.loc[chosen, name].mean()), float(columns[name].mean()))
        for name in apart.sort_values(ascending=False, kind="stable").index[:TRAITS]
    ]


def _mean(scores: Any) -> float:
    return float(np.mean(scores)) if len(scores) else 0.0
