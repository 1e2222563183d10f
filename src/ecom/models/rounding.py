"""Digits that mean something: what is computed is rounded before it is kept.

The last digits of a fitted parameter or a score depend on how the machine rounds exp and log. They
move no metric, but would make models and predictions differ from one machine to the next.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGITS: Final = 9  # significant ones

Model = TypeVar("Model")


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


def purchase_scores(model: Any, sessions: Any) -> NDArray[np.float64]:
    """Return a fitted classifier's probabilities of a purchase, of shape (n,), rounded."""
    return round_scores(model.predict_proba(sessions)[:, 1])


def round_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round probabilities, or what they lack to 1 if that is less, to `DIGITS`.

    Rounded to decimals, scores near 0 and near 1 would tie.
    """
    smaller = significant(np.minimum(scores, 1 - scores))
    return np.where(scores <= 1 - scores, smaller, 1 - smaller)


def round_parameters(model: Model) -> Model:
    """Round what was fitted, in place; return the model.

    Rounded are scikit-learn's public fitted arrays (``coef_``, ``scale_``, ...) and the leaves of
    boosted trees. A split of a tree lies half-way between two values of the data, and keeps its
    digits; so do the trees of a forest, whose leaves are shares.
    """
    for part in _parts(model):
        for name, value in vars(part).items():
            if name.endswith("_") and isinstance(value, np.ndarray) and value.dtype == np.float64:
                setattr(part, name, significant(value))
        for (tree,) in getattr(part, "_predictors", ()):  # of boosted trees
            tree.nodes["value"] = significant(tree.nodes["value"])
    return model


def _parts(model: Any) -> Iterator[Any]:
    """Yield the fitted estimators that a model is made of; needs none of their classes."""
    yield model
    # The steps of a Pipeline, the members of an average, the transformers of a ColumnTransformer.
    for name in ("steps", "members", "transformers_"):
        for _, part, *_ in getattr(model, name, ()):
            if hasattr(part, "fit"):
                yield from _parts(part)
