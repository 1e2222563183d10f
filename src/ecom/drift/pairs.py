"""Two samples as counts: how they would differ by chance, and how sure a difference is."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Final

import numpy as np
from scipy import stats

from ecom.evaluation.counts import Floats
from ecom.evaluation.resampling import QUANTILES
from ecom.serving.profile import Ints

DRAWS: Final = 1999  # splits of all sessions into two samples, behind a p-value
RESAMPLES: Final = 1000  # behind an interval
LEAST: Final = 3.0  # sessions: of none among n, the true share is below 3 / n with 95 % confidence

# From counts of both sides, each of shape (b, strata, cells), to a measure of how much they differ.
Statistic = Callable[[Floats, Floats], Floats]
# From the same to shares of both sides, each of shape (b, places).
Shares = Callable[[Floats, Floats], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Pair:
    """Counts of reference and new sessions in the same cells.

    Attributes
    ----------
    reference, new : array of shape (blocks, strata, cells)
        Sessions of each block, stratum and cell. Only sessions of the same stratum are compared.
    blocked
        Whether sessions of a block belong together, as those of a day do. If not, there is one
        block on either side.
    """

    reference: Ints
    new: Ints
    blocked: bool = False

    @property
    def sides(self) -> tuple[Floats, Floats]:
        """Counts of all blocks together, each of shape (1, strata, cells)."""
        reference, new = (
            each.sum(axis=0, keepdims=True).astype(np.float64)
            for each in (self.reference, self.new)
        )
        return reference, new

    @property
    def smallest_p_value(self) -> float:
        """The smallest p-value that can come out: few blocks can be split in few ways."""
        if not self.blocked:
            return 1 / (1 + DRAWS)
        reference, new = map(_held, (self.reference, self.new))
        # With as many blocks on either side, swapping the sides gives the same difference.
        extreme = 2 if len(reference) == len(new) else 1
        ways = comb(len(reference) + len(new), len(new))
        return extreme / ways if ways <= DRAWS else (1 + DRAWS * extreme / ways) / (1 + DRAWS)

    def p_value(self, statistic: Statistic, random: np.random.Generator) -> float:
        """Return how often chance gives a statistic as large as the one seen.

        Chance splits all sessions, or all blocks of them, anew into samples as large as the two. If
        both came from one source, each split is as likely as the one seen, so that a p-value below
        5 % comes out in at most 5 % of such cases (Phipson and Smyth 2010). With blocks, the number
        of blocks is kept, not that of sessions; few splits are all looked at.
        """
        seen = statistic(*self.sides)[0]
        reference, new = self._splits(random)
        # What differs only by rounding counts as equal.
        as_large = statistic(reference, new) >= seen * (1 - 1e-9)
        if self._all_splits_are_few():
            return float(as_large.mean())  # the one seen is among them
        return float((1 + as_large.sum()) / (1 + len(as_large)))

    def half_width(self, shares: Shares, random: np.random.Generator) -> float:
        """Return the half-width of a 95 % band that holds for all differences of shares at once.

        By the bootstrap: each side is drawn anew from itself, by sessions or by blocks. Few blocks
        vary less in it than they do in truth, so that the band is widened as a t interval is.
        """
        before, after = shares(*self.sides)
        drawn = shares(*(self._resampled(each, random) for each in (self.reference, self.new)))
        apart = (drawn[1] - drawn[0]) - (after - before)
        half = float(np.quantile(np.abs(apart).max(axis=1), 2 * QUANTILES[1] - 1))
        fewest = min(float(side.sum()) for side in self.sides)
        if self.blocked:
            blocks = [len(_held(each)) for each in (self.reference, self.new)]
            freedom, few = max(sum(blocks) - 2, 1), max(min(blocks), 2)
            wider = stats.t.ppf(QUANTILES[1], freedom) / stats.norm.ppf(QUANTILES[1])
            half *= float(wider) * (few / (few - 1)) ** 0.5
        return max(half, LEAST / max(fewest, LEAST))

    def _all_splits_are_few(self) -> bool:
        if not self.blocked:
            return False
        reference, new = map(_held, (self.reference, self.new))
        return comb(len(reference) + len(new), len(new)) <= DRAWS

    def _splits(self, random: np.random.Generator) -> tuple[Floats, Floats]:
        if not self.blocked:
            pooled = (self.reference + self.new).sum(axis=0)
            drawn = [
                random.multivariate_hypergeometric(cells, size, DRAWS, method="marginals")
                for cells, size in zip(pooled, self.new.sum(axis=(0, 2)), strict=True)
            ]
            some = np.stack(drawn, axis=1).astype(np.float64)
            return pooled - some, some
        reference, new = map(_held, (self.reference, self.new))
        total = np.concatenate([reference, new]).astype(np.float64)
        if self._all_splits_are_few():
            chosen = np.zeros((comb(len(total), len(new)), len(total)))
            for row, places in zip(chosen, combinations(range(len(total)), len(new)), strict=True):
                row[list(places)] = 1
        else:
            order = random.permuted(np.tile(np.arange(len(total)), (DRAWS, 1)), axis=1)
            chosen = (order < len(new)).astype(np.float64)
        together: Floats = np.tensordot(chosen, total, axes=1)
        return total.sum(axis=0) - together, together

    def _resampled(self, counts: Ints, random: np.random.Generator) -> Floats:
        if self.blocked:
            held = _held(counts)
            times = random.multinomial(len(held), [1 / len(held)] * len(held), RESAMPLES)
            return np.tensordot(times.astype(np.float64), held.astype(np.float64), axes=1)
        flat = counts.sum(axis=0).ravel()
        size = int(flat.sum())
        drawn: Floats = random.multinomial(size, flat / max(size, 1), RESAMPLES).astype(np.float64)
        return drawn.reshape(RESAMPLES, *counts.shape[1:])


def _held(counts: Ints) -> Ints:
    """Leave out blocks without a session: those of a day whose outcomes are not known."""
    held = counts[counts.sum(axis=(1, 2)) > 0]
    return held if len(held) else counts[:1]
