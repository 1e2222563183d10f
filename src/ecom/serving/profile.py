"""How sessions are distributed, as counts: what drift is told from, without the sessions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecom.digits import significant
from ecom.errors import PackageError
from ecom.schema import CODES, COLUMNS

FORMAT: Final = 1
CUTS: Final = 50  # of an ordered column, at quantiles; and values of one without order
STEP: Final = 0.02  # log-odds between two cuts of the score
STEEPEST: Final = 9.0  # log-odds: beyond, scores share a cell
SCORE: Final = "score"
NOT_ALLOWED: Final = "values that are not allowed"
NO_PURCHASE, PURCHASE, UNKNOWN = range(3)  # outcomes
OUTCOMES: Final = 3

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Bins:
    """Cells that the values of a column fall into.

    Attributes
    ----------
    cuts
        Of an ordered column: cell k holds the values above cut k - 1 and up to cut k, the last
        cell those above all cuts.
    values
        Of a column without order: cell k holds value k, the last cell all others.
    """

    cuts: tuple[float, ...] = ()
    values: tuple[str | float, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether the values have an order."""
        return not self.values

    @property
    def size(self) -> int:
        """How many cells there are."""
        return len(self.cuts or self.values) + 1

    def place(self, values: NDArray[Any]) -> Ints:
        """Return the cell of each value, of shape (n,).

        Examples
        --------
        >>> Bins(cuts=(0.0, 2.5)).place(np.array([-1.0, 0.0, 2.0, 9.0]))
        array([0, 0, 1, 2])
        >>> Bins(values=("a", "b")).place(np.array(["b", "c"], dtype=object))
        array([1, 2])
        """
        if self.ordered:
            return np.searchsorted(np.array(self.cuts), values, side="left").astype(np.int64)
        cells = np.full(len(values), len(self.values), np.int64)
        for cell, value in enumerate(self.values):
            cells[values == value] = cell
        return cells


def bins_of(name: str, values: NDArray[Any]) -> Bins:
    """Choose the cells of a column of the schema, by values that it has in a sample.

    Cuts of a column of numbers are quantiles; of few values, these values.
    """
    column = _COLUMNS[name]
    if column.type == "category":
        return Bins(values=column.allowed)
    if column.type == "boolean":
        return Bins(values=(1.0,))
    values = values.astype(np.float64)
    found, counts = np.unique(values, return_counts=True)
    if name in CODES:
        most = found[np.sort(np.argsort(-counts, kind="stable")[:CUTS])]
        return Bins(values=tuple(most.tolist()) or (0.0,))
    if len(found) > CUTS:
        found = np.unique(np.quantile(values, np.linspace(0, 1, CUTS + 1), method="lower"))
    return Bins(cuts=tuple(found[:-1].tolist()) or (0.0,))


def score_bins(threshold: float) -> Bins:
    """Return the cells of scores: even in log-odds, and none straddles the threshold.

    Cells are so narrow that a metric of the cells is that of the scores.
    """
    odds = np.arange(-STEEPEST, STEEPEST + STEP / 2, STEP)
    cuts = significant(1 / (1 + np.exp(-odds)))
    below = np.nextafter(threshold, 0)  # a score that reaches the threshold is above it
    return Bins(cuts=tuple(np.unique([*cuts, below]).tolist()))


@dataclass(frozen=True)
class Tally:
    """How many sessions fell into each cell of a column.

    Attributes
    ----------
    bins
        The cells.
    counts : array of shape (blocks, outcomes, cells)
        By block of sessions, of which there may be one; by outcome, in the order no purchase,
        purchase, unknown.
    """

    bins: Bins
    counts: Ints

    def plus(self, values: NDArray[Any], outcomes: Ints, blocks: Ints) -> "Tally":
        """Count more sessions, each of shape (n,); blocks beyond those known are added."""
        counts = self.counts
        known, size = len(counts), int(blocks.max(initial=-1)) + 1
        if size > known:
            counts = np.concatenate([counts, np.zeros((size - known, *counts.shape[1:]), np.int64)])
        shape = counts.shape
        places = np.ravel_multi_index((blocks, outcomes, self.bins.place(values)), shape)
        return replace(
            self, counts=counts + np.bincount(places, minlength=counts.size).reshape(shape)
        )

    @classmethod
    def empty(cls, bins: Bins) -> Self:
        """Return a tally of no session."""
        return cls(bins, np.zeros((1, OUTCOMES, bins.size), np.int64))

    @property
    def by_outcome(self) -> Ints:
        """Counts of all blocks together, of shape (outcomes, cells)."""
        found: Ints = self.counts.sum(axis=0)
        return found


def of_known_outcome(counts: Ints) -> Ints:
    """Return counts of shape (..., outcomes, cells) without those whose outcome is unknown."""
    return counts[..., [NO_PURCHASE, PURCHASE], :]


class Profile(dict[str, Tally]):
    """Tallies by name: of each column, of `SCORE`, and of rows with `NOT_ALLOWED` values."""

    @property
    def sessions(self) -> int:
        """How many sessions were counted."""
        return int(self[NOT_ALLOWED].counts.sum())

    def to_json(self) -> str:
        """Write the profile, a line for each column; blocks are added up."""
        lines = (
            json.dumps(
                {
                    "name": name,
                    "cuts": tally.bins.cuts,
                    "values": tally.bins.values,
                    "counts": tally.by_outcome.tolist(),
                }
            )
            for name, tally in self.items()
        )
        return f'{{"format": {FORMAT}, "columns": [\n' + ",\n".join(lines) + "\n]}\n"

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a profile.

        Raises
        ------
        PackageError
            It is none, or of a newer format.
        """
        try:
            content = json.loads(text)
            if content["format"] > FORMAT:
                raise PackageError("the profile is of a newer format: update ecom to read it")
            profile = cls({each["name"]: _tally(each) for each in content["columns"]})
            _ = profile[NOT_ALLOWED], profile[SCORE]  # which every profile has
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PackageError(f"the profile does not hold counts: {error!r:.200}") from None
        return profile


def empty_profile(bins: Mapping[str, Bins], threshold: float) -> Profile:
    """Return a profile of no session, with cells for each column, score and bad values."""
    return Profile(
        {name: Tally.empty(each) for name, each in bins.items()}
        | {
            SCORE: Tally.empty(score_bins(threshold)),
            NOT_ALLOWED: Tally.empty(Bins(values=(0.0,))),
        }
    )


def profile_of(
    columns: Mapping[str, NDArray[Any]],
    outcomes: ArrayLike,
    scores: NDArray[np.float64],
    scored_outcomes: ArrayLike,
    threshold: float,
) -> Profile:
    """Count sessions that are all allowed.

    Parameters
    ----------
    columns
        Values of each column, of shape (n,).
    outcomes : array of shape (n,)
        1 for a purchase, 0 for none.
    scores : array of shape (m,)
        Scores of sessions that the model was not fitted to, which may be some of the n.
    scored_outcomes : array of shape (m,)
        Their outcomes.
    threshold
        Of the model.
    """
    found = empty_profile(
        {name: bins_of(name, values) for name, values in columns.items()}, threshold
    )
    labels = np.asarray(outcomes, np.int64)
    given = {**columns, NOT_ALLOWED: np.zeros(len(labels))}
    blocks = np.zeros(len(labels), np.int64)
    profile = Profile({name: found[name].plus(given[name], labels, blocks) for name in given})
    scored = np.asarray(scored_outcomes, np.int64)
    profile[SCORE] = found[SCORE].plus(scores, scored, np.zeros(len(scored), np.int64))
    return profile


def _tally(content: Mapping[str, Any]) -> Tally:
    bins = Bins(tuple(content["cuts"]), tuple(content["values"]))
    counts = np.array(content["counts"], np.int64)
    if (
        counts.shape != (OUTCOMES, bins.size)
        or counts.min() < 0
        or list(bins.cuts) != sorted(bins.cuts)
    ):
        raise ValueError(f"{content['name']} has other cells than counts")
    return Tally(bins, counts[None])


_COLUMNS: Final = {column.name: column for column in COLUMNS}
