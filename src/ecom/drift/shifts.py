"""What moved between two samples, by how much, and how rarely chance would do it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from ecom.drift.pairs import Pair, Shares, Statistic
from ecom.evaluation.counts import Floats
from ecom.evaluation.multiple_tests import FALSE_ALARMS, holm
from ecom.serving.profile import NOT_ALLOWED, UNKNOWN, Bins, Ints, Tally, of_known_outcome

CELLS: Final = 50  # at most, of an ordered column
EXPECTED: Final = 5.0  # sessions with a value in the smaller sample, as for any chi-square
FEWEST: Final = 20  # sessions on either side, or of an outcome: fewer are not compared
STILL_OPEN: Final = 0.05  # of the outcomes, if the share of purchases is to be compared
PURCHASES: Final = "purchases"
GIVEN_SCORE: Final = "purchases given the score"


@dataclass(frozen=True)
class Shift:
    """How a column, the score or the outcome moved.

    Attributes
    ----------
    name
        What.
    place
        Where it moved most: a share of what sessions.
    before, after
        That share, among reference and new sessions.
    interval
        95 % interval of the difference, which holds for all places at once.
    p_value
        Of no difference, adjusted for the number of tests.
    smallest_p_value
        The smallest that could have come out.
    matters
        Whether the difference is as large as one that matters.
    within_outcomes
        Whether it moved among purchases, or among other sessions; None if outcomes are not known.
    """

    name: str
    place: str
    before: float
    after: float
    interval: tuple[float, float]
    p_value: float
    smallest_p_value: float
    matters: bool
    within_outcomes: bool | None = None

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before

    @property
    def alarms(self) -> bool:
        """Whether chance would rarely do it, and it matters."""
        return self.p_value < FALSE_ALARMS and self.matters

    @property
    def undecidable(self) -> bool:
        """Whether no difference, however large, could have raised an alarm."""
        return self.smallest_p_value >= FALSE_ALARMS


@dataclass(frozen=True)
class Question:
    """Something that may have moved.

    Attributes
    ----------
    name
        What.
    pair
        Counts of both sides.
    statistic
        From counts of both sides, each of shape (b, strata, cells), to a measure of how much they
        differ, of shape (b,).
    shares
        What is told of both sides.
    places
        What these are shares of.
    within
        The counts with a stratum for each outcome; None if outcomes are not known.
    """

    name: str
    pair: Pair
    statistic: Statistic
    shares: Shares
    places: tuple[str, ...]
    within: Pair | None = None


def about_column(name: str, reference: Tally, new: Tally, *, blocked: bool) -> Question:
    """Ask whether the values of a column moved.

    Parameters
    ----------
    name
        Of the column.
    reference, new
        Counts in the same cells.
    blocked
        Whether sessions of a block belong together.
    """
    bins, before, after = reference.bins, reference.counts, new.counts
    if bins.ordered:
        bins, before, after = merged(bins, before, after, CELLS)
    elif name != NOT_ALLOWED:
        bins, before, after = without_rare_values(bins, before, after)
    together = Pair(before.sum(axis=1)[:, None], after.sum(axis=1)[:, None], blocked)
    known = Pair(of_known_outcome(before), of_known_outcome(after), blocked)
    within = known if _has_enough(known) else None
    if name == NOT_ALLOWED:
        return Question(name, together, _chi_square, _last_share, ("a value that is not allowed",))
    if bins.ordered:
        places = tuple(f"{name} above {cut:.6g}" for cut in bins.cuts)
        return Question(name, together, _anderson_darling, _shares_above, places, within)
    return Question(name, together, _chi_square, _shares, _of_values(name, bins), within)


def about_purchases(reference: Tally, new: Tally, *, blocked: bool) -> Question | None:
    """Ask whether the share of purchases moved; None if some outcomes are not known.

    Which outcomes are known first is no chance: purchases may be, or those of flagged sessions.
    """
    for tally in (reference, new):
        if tally.by_outcome[UNKNOWN].sum() > STILL_OPEN * tally.counts.sum():
            return None
    before, after = (
        of_known_outcome(tally.counts).sum(axis=2)[:, None] for tally in (reference, new)
    )
    if min(int(before.sum()), int(after.sum())) < FEWEST:
        return None
    pair = Pair(before, after, blocked)
    return Question(PURCHASES, pair, _chi_square, _last_share, ("a purchase",))


def about_purchases_given_score(
    reference: Tally, new: Tally, threshold: float, *, blocked: bool
) -> Question | None:
    """Ask whether sessions of the same score buy as often as before; None if that is not known.

    It reports the difference of the rates of purchases over narrow bands of the score, weighted as
    Cochran (1954) does, among all sessions, those flagged, and the others.
    """
    below = float(np.nextafter(threshold, 0))
    bins, before, after = merged(reference.bins, reference.counts, new.counts, CELLS, kept=below)
    known = Pair(of_known_outcome(before), of_known_outcome(after), blocked)
    if min(int(known.reference.sum()), int(known.new.sum())) < FEWEST:
        return None
    flagged = np.append([False], np.array(bins.cuts) >= below)
    groups = np.stack([np.ones(bins.size, np.bool_), flagged, ~flagged]).astype(np.float64)
    return Question(
        GIVEN_SCORE,
        Pair(known.reference.swapaxes(1, 2), known.new.swapaxes(1, 2), blocked),
        partial(_cochran_mantel_haenszel, groups=groups),
        partial(_standardised_rates, groups=groups),
        (
            "a purchase, among sessions of the same score",
            "a purchase, among flagged sessions of the same score",
            "a purchase, among sessions of the same score that are not flagged",
        ),
    )


def can_alarm(question: Question, number: int) -> bool:
    """Tell whether a difference could raise an alarm, however large, among so many questions."""
    return number * question.pair.smallest_p_value < FALSE_ALARMS


def answer(questions: Sequence[Question], smallest: float, seed: int) -> list[Shift]:
    """Tell what moved.

    Parameters
    ----------
    questions
        What may have moved. Their p-values are adjusted by the method of Holm (1979): if nothing
        moved, the chance that any of them raises an alarm is 5 % at most.
    smallest
        The smallest difference of a share that matters.
    seed
        Of splits and resamples.

    Returns
    -------
    list of Shift
        In the order of the questions.
    """
    random = np.random.default_rng(seed)
    shifts: list[Shift] = []
    for question in questions:
        pair = question.pair
        before, after = (side[0] for side in question.shares(*pair.sides))
        place = int(np.abs(after - before).argmax())
        half = pair.half_width(question.shares, random)
        difference = float(after[place] - before[place])
        shifts.append(
            Shift(
                name=question.name,
                place=question.places[place],
                before=float(before[place]),
                after=float(after[place]),
                interval=(max(difference - half, -1.0), min(difference + half, 1.0)),
                p_value=pair.p_value(question.statistic, random),
                smallest_p_value=min(1.0, len(questions) * pair.smallest_p_value),
                matters=abs(difference) >= smallest,
            )
        )
    adjusted = holm([shift.p_value for shift in shifts])
    shifts = [replace(shift, p_value=p) for shift, p in zip(shifts, adjusted, strict=True)]
    return _with_outcomes(questions, shifts, random)


def _with_outcomes(
    questions: Sequence[Question], shifts: list[Shift], random: np.random.Generator
) -> list[Shift]:
    """Tell what moved among purchases or among other sessions, of what raises an alarm."""
    asked = [
        place
        for place, (question, shift) in enumerate(zip(questions, shifts, strict=True))
        if shift.alarms and question.within is not None
    ]
    p_values = []
    for place in asked:
        within = questions[place].within
        assert within is not None  # noqa: S101  as asked
        p_values.append(within.p_value(questions[place].statistic, random))
    found = dict(zip(asked, holm(p_values), strict=True))
    return [
        replace(shift, within_outcomes=found[place] < FALSE_ALARMS) if place in found else shift
        for place, shift in enumerate(shifts)
    ]


def merged(
    bins: Bins, before: Ints, after: Ints, size: int, kept: float | None = None
) -> tuple[Bins, Ints, Ints]:
    """Merge neighbouring cells of an ordered column, until few are left, about equally full.

    Parameters
    ----------
    bins, before, after
        Cells, and counts of shape (blocks, outcomes, cells).
    size
        How many cells are left, at most.
    kept
        A cut that is left too.
    """
    if bins.size <= size:
        return bins, before, after
    total = before.sum(axis=(0, 1)) + after.sum(axis=(0, 1))
    reached = np.cumsum(total)[:-1]
    wanted = np.linspace(0, total.sum(), size)[1:-1]
    ends = set(np.searchsorted(reached, wanted).clip(max=len(reached) - 1).tolist())
    if kept is not None:
        ends.add(bins.cuts.index(kept))
    chosen = sorted(ends)
    starts = [0, *(end + 1 for end in chosen)]
    cuts = tuple(bins.cuts[end] for end in chosen)
    left: list[Ints] = [np.add.reduceat(each, starts, axis=2) for each in (before, after)]
    return Bins(cuts), left[0], left[1]


def without_rare_values(bins: Bins, before: Ints, after: Ints) -> tuple[Bins, Ints, Ints]:
    """Let values share the last cell that neither sample can be expected to hold often enough.

    Which values have cells of their own was decided by the reference alone. That a rare value is
    in it was chance, which the split of all sessions would not know.

    Parameters
    ----------
    bins, before, after
        Cells, and counts of shape (blocks, outcomes, cells).
    """
    sizes = [float(each.sum()) for each in (before, after)]
    total = before.sum(axis=(0, 1)) + after.sum(axis=(0, 1))
    expected = total * min(sizes) / max(sum(sizes), 1.0)
    enough = expected[:-1] >= EXPECTED
    enough[expected[:-1].argmax()] = True
    kept = np.flatnonzero(enough)
    left = [
        np.concatenate(
            [each[..., kept], (each.sum(axis=2) - each[..., kept].sum(axis=2))[..., None]], axis=2
        )
        for each in (before, after)
    ]
    return Bins(values=tuple(bins.values[place] for place in kept)), left[0], left[1]


def _has_enough(pair: Pair) -> bool:
    """Tell whether there are some sessions of each stratum on either side."""
    return min(int(each.sum(axis=(0, 2)).min()) for each in (pair.reference, pair.new)) >= FEWEST


def _anderson_darling(before: Floats, after: Floats) -> Floats:
    """Compare distributions of ordered cells by the statistic of Pettitt (1976)."""
    n, m = _sizes(before), _sizes(after)
    pooled = before + after
    reached = np.cumsum(pooled, axis=2) / np.maximum(n + m, 1)
    spread = reached * (1 - reached)
    above, below = (
        np.cumsum(side, axis=2) / np.maximum(size, 1) for side, size in ((after, m), (before, n))
    )
    apart = (above - below) ** 2 / np.maximum(spread, _NOTHING)
    each = np.where(spread > _NOTHING, apart, 0) * pooled * n * m / np.maximum(n + m, 1) ** 2
    statistic: Floats = each.sum(axis=(1, 2))
    return statistic


def _chi_square(before: Floats, after: Floats) -> Floats:
    """Compare shares of cells by the statistic of Pearson (1900)."""
    n, m = _sizes(before), _sizes(after)
    pooled = before + after
    expected = pooled * m / np.maximum(n + m, 1)
    other = pooled - expected
    squared = (after - expected) ** 2
    each = np.where(pooled > 0, squared / np.maximum(expected, _NOTHING), 0)
    each += np.where(pooled > 0, squared / np.maximum(other, _NOTHING), 0)
    statistic: Floats = np.where((n > 0) & (m > 0), each, 0).sum(axis=(1, 2))
    return statistic


def _cochran_mantel_haenszel(before: Floats, after: Floats, *, groups: Floats) -> Floats:
    """Compare rates of purchases at equal scores, by Cochran (1954), Mantel and Haenszel (1959).

    Of all sessions, those flagged and the others, the group that differs most counts.
    """
    n, m = before.sum(axis=2), after.sum(axis=2)
    total = np.maximum(n + m, 1)
    bought = before[..., 1] + after[..., 1]
    excess = after[..., 1] - m * bought / total
    variance = n * m * bought * (n + m - bought) / (total**2 * np.maximum(total - 1, 1))
    statistic: Floats = (
        np.abs(excess @ groups.T) / np.sqrt(np.maximum(variance @ groups.T, _NOTHING))
    ).max(axis=1)
    return statistic


def _standardised_rates(before: Floats, after: Floats, *, groups: Floats) -> tuple[Floats, Floats]:
    """Return rates of purchases of both sides, as if both had the same scores."""
    n, m = before.sum(axis=2), after.sum(axis=2)
    weights = n * m / np.maximum(n + m, 1)
    rates = (
        (weights * side[..., 1] / np.maximum(size, 1))
        @ groups.T
        / np.maximum(weights @ groups.T, _NOTHING)
        for side, size in ((before, n), (after, m))
    )
    first, second = rates
    return first, second


def _shares(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    first, second = (side[:, 0] / np.maximum(_sizes(side)[:, 0], 1) for side in (before, after))
    return first, second


def _last_share(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    first, second = (shares[:, -1:] for shares in _shares(before, after))
    return first, second


def _shares_above(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    first, second = (1 - np.cumsum(shares, axis=1)[:, :-1] for shares in _shares(before, after))
    return first, second


def _sizes(side: Floats) -> Floats:
    """Return the sessions of each stratum, of shape (b, strata, 1)."""
    sizes: Floats = side.sum(axis=2, keepdims=True)
    return sizes


def _of_values(name: str, bins: Bins) -> tuple[str, ...]:
    if bins.values == (1.0,):
        return f"{name} TRUE", f"{name} FALSE"
    named = [value if isinstance(value, str) else f"{value:g}" for value in bins.values]
    return (*(f"{name} {value}" for value in named), f"{name} another value")


_NOTHING: Final = 1e-12
