"""Intervals by the bootstrap."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecom.evaluation.counts import Floats

if TYPE_CHECKING:
    from ecom.params.bootstrap import Bootstrap

# Every interval lies between these; dvc.yaml, params.yaml and README.md name the level in words.
QUANTILES: Final = (0.025, 0.975)
LEVEL: Final = f"{100 * (QUANTILES[1] - QUANTILES[0]):g} %"  # of these intervals, for people
BATCH: Final = 100  # resamples that are in memory at once, at most
DRAWN: Final = 10_000_000  # rows of all of these together


def bootstrapped(
    labels: ArrayLike,
    statistics: Callable[[Floats], Mapping[str, Floats]],
    bootstrap: "Bootstrap",
) -> dict[str, Floats]:
    """Compute statistics on resamples of the rows.

    Rows are drawn with replacement (Efron and Tibshirani 1993), so that the number of purchases
    varies as it would in other sessions. A resample of one class, which only few rows can give, is
    drawn again. Statistics of several models that are computed in one call use the same resamples,
    so they are paired.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none; both occur.
    statistics
        From weights of shape (b, n), how often each row was drawn, to arrays of shape (b,).
    bootstrap
        Number of resamples, and seed.

    Returns
    -------
    dict of arrays of shape (resamples,)

    Examples
    --------
    >>> from ecom.params.bootstrap import Bootstrap
    >>> found = bootstrapped(
    ...     [0, 0, 1], lambda weights: {"drawn": weights[:, 2]}, Bootstrap(resamples=100, seed=0)
    ... )
    >>> sorted(set(found["drawn"].tolist()))
    [1.0, 2.0]
    """
    labels = np.asarray(labels)
    random = np.random.default_rng(bootstrap.seed)
    batches: list[Mapping[str, Floats]] = []
    together = max(1, min(BATCH, DRAWN // len(labels)))
    for begin in range(0, bootstrap.resamples, together):
        size = min(together, bootstrap.resamples - begin)
        weights = _drawn(random, size, len(labels))
        while len(again := _of_one_class(weights, labels)):
            weights[again] = _drawn(random, len(again), len(labels))
        batches.append(statistics(weights))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def _drawn(random: np.random.Generator, size: int, rows: int) -> Floats:
    """Draw resamples: how often each row counts, of shape (size, rows)."""
    places = random.integers(rows, size=(size, rows)) + rows * np.arange(size)[:, None]
    times = np.bincount(places.ravel(), minlength=size * rows)
    return times.reshape(size, rows).astype(np.float64)


def _of_one_class(weights: Floats, labels: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return which resamples lack one of the two classes."""
    purchases = weights @ labels
    return np.flatnonzero((purchases == 0) | (purchases == weights.sum(axis=1)))


def interval(values: ArrayLike) -> list[float]:
    """Return the 95 % percentile interval of resampled values.

    Examples
    --------
    >>> interval(range(1001))
    [25.0, 975.0]
    """
    return [float(bound) for bound in np.quantile(np.asarray(values), QUANTILES)]
