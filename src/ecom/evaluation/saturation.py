"""From how many rows on more rows stop paying, by the curve through those that were tried."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ecom.evaluation.counts import Floats

# Exponents of the curve; learning curves of classifiers have mostly one between these.
EXPONENTS: Final = np.linspace(0.25, 1.5, 26)


def rows_enough(rows: ArrayLike, values: Floats, worth: float) -> Floats:
    """Return from how many rows on twice as many raise a metric by less than is worth having.

    The metric is taken to be ``best - lost / rows ** exponent``, the inverse power law of Cortes et
    al. (1993), fitted by least squares, the exponent one of `EXPONENTS`.

    Parameters
    ----------
    rows : array of shape (k,)
        Numbers of rows that a model was fitted to.
    values : array of shape (b, k)
        The metric at each, of b resamples.
    worth
        The smallest gain that is worth twice the rows.

    Returns
    -------
    array of shape (b,)
        Rows: 0 where the metric does not rise.

    Examples
    --------
    >>> rows = np.array([1000, 2000, 4000, 8000])
    >>> bool(np.isclose(rows_enough(rows, 0.8 - 5 / rows[None] ** 0.5, 0.01), 21447, rtol=0.01)[0])
    True
    """
    counts = np.asarray(rows, np.float64)
    fits = [_fitted(counts, values, exponent) for exponent in EXPONENTS]
    misses = np.array([miss for _, miss in fits])
    lost = np.array([slope for slope, _ in fits])
    best = misses.argmin(axis=0)
    exponent, slope = EXPONENTS[best], lost[best, np.arange(len(best))]
    enough: Floats = (np.maximum(slope, 0) * (1 - 2**-exponent) / worth) ** (1 / exponent)
    return enough


def _fitted(counts: Floats, values: Floats, exponent: float) -> tuple[Floats, Floats]:
    """Return what is lost per ``1 / rows ** exponent``, and the squares that are missed by."""
    weight = -(counts**-exponent)
    weight -= weight.mean()
    centred = values - values.mean(axis=1, keepdims=True)
    slope = centred @ weight / (weight @ weight)
    misses = ((centred - slope[:, None] * weight) ** 2).sum(axis=1)
    return slope, misses
