"""Two samples as counts: how they would differ by chance, and how sure a difference is."""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecom.evaluation.counts import Floats
from ecom.evaluation.resampling import QUANTILES

DRAWS: Final = 1999  # splits of all sessions into two samples, behind a p-value
RESAMPLES: Final = 1000  # behind an interval
ENOUGH: Final = 1_000_000  # splits of blocks: more need not be counted

Ints = NDArray[np.int64]
# From counts of shape (b, strata, cells) of the reference, and of the new sessions, to b values.
Statistic = Callable[[Floats, Floats], Floats]
# From the same to differences of shape (b, places).
Differences = Callable[[Floats, Floats], Floats]


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
    def sizes(self) -> tuple[int, int]:
        """How many sessions there are on either side."""
        return int(self.reference.sum()), int(self.new.sum())

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
        ways = comb(len(self.reference) + len(self.new), len(self.new))
        return max(1 / (1 + DRAWS), 1 / min(ways, ENOUGH))

    def p_value(self, statistic: Statistic, random: np.random.Generator) -> float:
        """Return how often chance gives a statistic as large as the one seen.

        Chance splits all sessions, or all blocks of them, anew into samples as large as the two:
        if they came from one source, each split is as likely as the one seen, so that a p-value
        below 5 % comes out in 5 % of such cases at most, whatever the sizes (Phipson and Smyth
        2010). Of blocks, the number is kept, since they are what varies.
        """
        seen = statistic(*self.sides)[0]
        reference, new = self._split(random)
        by_chance = statistic(reference, new)
        # What differs only by rounding counts as equal.
        return float((1 + np.sum(by_chance >= seen * (1 - 1e-9))) / (1 + len(by_chance)))

    def half_width(self, differences: Differences, random: np.random.Generator) -> float:
        """Return how far, with 95 % confidence, all differences are from their true values at most.

        It holds for all at once, so also for the largest one. By the bootstrap: each side is drawn
        anew from itself, by sessions or by blocks.
        """
        seen = differences(*self.sides)
        drawn = differences(*(self._resampled(each, random) for each in (self.reference, self.new)))
        return float(np.quantile(np.abs(drawn - seen).max(axis=1), 2 * QUANTILES[1] - 1))

    def _split(self, random: np.random.Generator) -> tuple[Floats, Floats]:
        total = np.concatenate([self.reference, self.new])
        if self.blocked:
            order = random.permuted(np.tile(np.arange(len(total)), (DRAWS, 1)), axis=1)
            chosen = (order < len(self.new)).astype(np.float64)
            new = np.tensordot(chosen, total, axes=1)
        else:
            pooled, sizes = total.sum(axis=0), self.new.sum(axis=(0, 2))
            new = np.stack(
                [
                    random.multivariate_hypergeometric(cells, size, DRAWS, method="marginals")
                    for cells, size in zip(pooled, sizes, strict=True)
                ],
                axis=1,
            ).astype(np.float64)
        return total.sum(axis=0) - new, new

    def _resampled(self, counts: Ints, random: np.random.Generator) -> Floats:
        if self.blocked:
            times = random.multinomial(len(counts), [1 / len(counts)] * len(counts), RESAMPLES)
            return np.tensordot(times.astype(np.float64), counts.astype(np.float64), axes=1)
        flat = counts.sum(axis=0).ravel()
        size = int(flat.sum())
        shares = flat / max(size, 1)
        drawn: Floats = random.multinomial(size, shares, RESAMPLES).astype(np.float64)
        return drawn.reshape(RESAMPLES, *counts.shape[1:])
