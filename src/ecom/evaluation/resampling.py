"""Intervals by the stratified bootstrap."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike

from ecom.evaluation.counts import Floats

if TYPE_CHECKING:
    from ecom.params.bootstrap import Bootstrap

# Every interval lies between these; dvc.yaml, params.yaml and README.md name the level in words.
QUANTILES: Final = (0.025, 0.975)
LEVEL: Final = f"{100 * (QUANTILES[1] - QUANTILES[0]):g} %"  # of these intervals, for people
BATCH: Final = 100  # resamples that are in memory at once


def stratified_bootstrap(
    labels: ArrayLike,
    statistics: Callable[[Floats], Mapping[str, Floats]],
    bootstrap: "Bootstrap",
) -> dict[str, Floats]:
    """Compute statistics on resamples that keep the number of rows of each class.

    Rows are drawn with replacement within each class (Efron and Tibshirani 1993). Statistics of
    several models that are computed in one call use the same resamples, so they are paired.

    Parameters
    ----------
    labels : array of shape (n,)
        Class of each row.
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
    >>> found = stratified_bootstrap(
    ...     [0, 0, 1], lambda weights: {"drawn": weights[:, 2]}, Bootstrap(resamples=100, seed=0)
    ... )
    >>> set(found["drawn"].tolist())
    {1.0}
    """
    classes = [np.flatnonzero(np.asarray(labels) == label) for label in np.unique(labels)]
    random = np.random.default_rng(bootstrap.seed)
    batches: list[Mapping[str, Floats]] = []
    for begin in range(0, bootstrap.resamples, BATCH):
        size = min(BATCH, bootstrap.resamples - begin)
        weights = np.zeros((size, len(np.asarray(labels))))
        for rows in classes:
            drawn = random.integers(len(rows), size=(size, len(rows)))
            places = drawn + len(rows) * np.arange(size)[:, None]
            times = np.bincount(places.ravel(), minlength=size * len(rows))
            weights[:, rows] = times.reshape(size, len(rows))
        batches.append(statistics(weights))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def interval(values: ArrayLike) -> list[float]:
    """Return the 95 % percentile interval of resampled values.

    Examples
    --------
    >>> interval(range(1001))
    [25.0, 975.0]
    """
    return [float(bound) for bound in np.quantile(np.asarray(values), QUANTILES)]
