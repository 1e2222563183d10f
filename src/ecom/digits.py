"""Digits that mean something: scores are rounded in one way, where they are judged and served.

The last digits of a score depend on how the machine rounds exp and log. They move no metric, but
would make predictions differ from one machine to the next.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGITS: Final = 9  # significant ones


def significant(values: ArrayLike) -> NDArray[np.float64]:
    """Round to `DIGITS` significant digits, each to the double that this decimal reads as.

    Examples
    --------
    >>> significant([1 / 3, -2e-20 / 3, 12.0])
    array([ 3.33333333e-01, -6.66666667e-21,  1.20000000e+01])
    """
    values = np.asarray(values, dtype=np.float64)
    rounded = [float(f"{value:.{DIGITS}g}") for value in values.ravel()]
    return np.array(rounded).reshape(values.shape)


def round_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round probabilities, or what they lack to 1 if that is less, to `DIGITS`.

    Rounded to decimals, scores near 0 and near 1 would tie.
    """
    smaller = significant(np.minimum(scores, 1 - scores))
    return np.where(scores <= 1 - scores, smaller, 1 - smaller)
