"""The candidates: each one scikit-learn Pipeline from raw sessions to a purchase probability."""

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from ecom.features import ENGINEERED, add_features
from ecom.params import Candidate
from ecom.schema import CATEGORICAL, COLUMNS, NUMERIC


def build_pipeline(
    candidate: Candidate, *, seed: int | None = None, **hyperparameters: Any
) -> Pipeline:
    """Build an unfitted candidate.

    Parameters
    ----------
    candidate
        ``logistic``: the brief's logistic regression on one-hot `Month` and `VisitorType` and
        standardised numbers. ``hist_gradient_boosting``: boosted trees with those two as
        categories.
    seed
        ``random_state`` of the model; ``logistic`` draws nothing and needs none.
    **hyperparameters
        Of the model, by scikit-learn's names.

    Returns
    -------
    Pipeline
        Steps ``features``, ``preprocess`` and ``model``; takes a frame of `ecom.schema.FEATURES`.
    """
    preprocess, model = _BUILDERS[candidate]()
    if seed is not None:
        hyperparameters["random_state"] = seed
    return Pipeline(
        [
            ("features", FunctionTransformer(add_features)),
            ("preprocess", preprocess),
            ("model", model.set_params(**hyperparameters)),
        ]
    )


def _logistic() -> tuple[ColumnTransformer, BaseEstimator]:
    from sklearn.linear_model import LogisticRegression

    preprocess = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore"), list(CATEGORICAL)),
            ("numbers", StandardScaler(), [*NUMERIC, *ENGINEERED]),
        ]
    )
    return preprocess, LogisticRegression(max_iter=1000)


def _hist_gradient_boosting() -> tuple[ColumnTransformer, BaseEstimator]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    levels = [list(column.allowed) for column in COLUMNS if column.name in CATEGORICAL]
    preprocess = ColumnTransformer(
        [
            ("categories", OrdinalEncoder(categories=levels), list(CATEGORICAL)),
            ("numbers", "passthrough", [*NUMERIC, *ENGINEERED]),
        ]
    )
    categorical = list(range(len(CATEGORICAL)))
    return preprocess, HistGradientBoostingClassifier(
        categorical_features=categorical, early_stopping=False
    )


_BUILDERS: dict[Candidate, Callable[[], tuple[ColumnTransformer, BaseEstimator]]] = {
    "logistic": _logistic,
    "hist_gradient_boosting": _hist_gradient_boosting,
}
