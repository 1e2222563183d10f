"""Digits that mean something: scores are rounded in one way, where they are judged and served.

The last digits of a score depend on how the machine rounds exp and log. They move no metric, but
would make predictions differ from one machine to the next.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGITS: Final = 9  # significant ones
FEW: Final = 20  # numbers, which text rounds faster
# Powers of ten that a double holds exactly.
_POWERS: Final = np.array([float(f"1e{power}") for power in range(23)])
_NEAR: Final = 1e-6  # of a tie: ten times what multiplying by a power of ten may be off


def significant(values: ArrayLike) -> NDArray[np.float64]:
    """Round to `DIGITS` significant digits, each to the double that this decimal reads as.

    Examples
    --------
    >>> significant([1 / 3, -2e-20 / 3, 12.0])
    array([ 3.33333333e-01, -6.66666667e-21,  1.20000000e+01])
    """
    values = np.asarray(values, dtype=np.float64)
    flat = values.ravel()
    if flat.size < FEW:
        return _by_text(flat).reshape(values.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        power = DIGITS - 1 - np.floor(np.log10(np.abs(flat)))
        exact = (power >= 0) & (power < len(_POWERS))
        scale = _POWERS[np.where(exact, power, 0).astype(np.intp)]
        digits = flat * scale
        whole = np.rint(digits)
        exact &= np.abs(whole) < 10**DIGITS
        exact &= np.abs(digits) >= 10 ** (DIGITS - 1)
        exact &= np.abs(np.abs(digits - whole) - 0.5) > _NEAR
        rounded = whole / scale  # of two exact numbers: the double that the decimal reads as
    rounded[~exact] = _by_text(flat[~exact])
    found: NDArray[np.float64] = rounded.reshape(values.shape)
    return found


def round_score(score: float) -> float:
    """Round a probability as `round_scores` does."""
    if score <= 1 - score:
        return float(f"{score:.{DIGITS}g}")
    return 1 - float(f"{1 - score:.{DIGITS}g}")


def _by_text(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([float(f"{value:.{DIGITS}g}") for value in values.tolist()], np.float64)


def round_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round probabilities, or what they lack to 1 if that is less, to `DIGITS`.

    Rounded to decimals, scores near 0 and near 1 would tie.
    """
    if scores.ndim == 1 and scores.size < FEW:
        return np.array([round_score(score) for score in scores.tolist()], np.float64)
    smaller = significant(np.minimum(scores, 1 - scores))
    return np.where(scores <= 1 - scores, smaller, 1 - smaller)
