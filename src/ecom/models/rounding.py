"""What a model computes is rounded before it is kept, its parameters as well as its scores.

The last digits of a fitted parameter depend on how the machine rounds exp and log, as those of a
score do (`ecom.digits`).
"""

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecom.digits import round_scores, significant
from ecom.models.blocks import in_blocks

Model = TypeVar("Model")


def purchase_scores(model: Any, sessions: Any) -> NDArray[np.float64]:
    """Return a fitted classifier's probabilities of a purchase, of shape (n,), rounded."""
    return round_scores(in_blocks(model.predict_proba, sessions)[:, 1])


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
