"""The candidates: each one scikit-learn Pipeline from raw sessions to a purchase probability."""

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from ecom.averaging import LogOddsAverage
from ecom.features import ENGINEERED, INTERACTIONS, RATIOS, TOTALS, add_features, known_columns
from ecom.params import AVERAGED, Candidate
from ecom.schema import CATEGORICAL, NUMERIC, FeatureSet

Parts = tuple[list[str], ColumnTransformer, BaseEstimator]


def build_pipeline(
    candidate: Candidate,
    *,
    feature_set: FeatureSet = "end_of_session",
    seed: int | None = None,
    **hyperparameters: Any,
) -> Pipeline:
    """Build an unfitted candidate.

    Parameters
    ----------
    candidate
        ``logistic``: the brief's logistic regression on one-hot `Month` and `VisitorType` and
        standardised numbers. ``logistic_interactions``: one on logarithms, flags and their
        products with whether the session has page values. ``hist_gradient_boosting``: boosted
        trees on numbers and ratios. ``average``: the mean of the last two on the log-odds.
    feature_set
        The model sees only columns made of this set's raw columns.
    seed
        ``random_state`` of the model; the logistic regressions draw nothing and need none.
    **hyperparameters
        Of the model, by scikit-learn's names; those of a member of ``average`` as
        ``member.name``.

    Returns
    -------
    Pipeline
        Steps ``features``, ``preprocess`` and ``model``; of ``average``, ``features`` and
        ``model``, where each member has its own ``preprocess`` and ``model``. Takes a frame with
        the columns of ``ecom.schema.FEATURE_SETS[feature_set]``.
    """
    members = AVERAGED if candidate == "average" else (candidate,)
    parts = {member: _BUILDERS[member](feature_set) for member in members}
    wanted = {name for columns, _, _ in parts.values() for name in columns}
    engineered = tuple(name for name in ENGINEERED if name in wanted)
    steps = {
        member: [("preprocess", preprocess), ("model", model)]
        for member, (_, preprocess, model) in parts.items()
    }
    tail = (
        [("model", LogOddsAverage([(name, Pipeline(own)) for name, own in steps.items()]))]
        if candidate == "average"
        else steps[candidate]
    )
    features = FunctionTransformer(add_features, kw_args={"columns": engineered})
    pipeline = Pipeline([("features", features), *tail])
    if seed is not None:
        hyperparameters |= {
            name: seed for name in hyperparameter_names(pipeline) if name.endswith("random_state")
        }
    return pipeline.set_params(**{path_of(name): value for name, value in hyperparameters.items()})


def path_of(hyperparameter: str) -> str:
    """Return the name that a candidate's Pipeline has for a hyperparameter of its model.

    Examples
    --------
    >>> path_of("C")
    'model__C'
    >>> path_of("logistic_interactions.C")
    'model__logistic_interactions__model__C'
    """
    return "__".join(f"model__{part}" for part in hyperparameter.split("."))


def hyperparameter_names(pipeline: Pipeline) -> list[str]:
    """Return the hyperparameters of a candidate's model, as `build_pipeline` takes them."""
    model = pipeline["model"]
    if isinstance(model, LogOddsAverage):
        return [
            f"{name}.{own}"
            for name, member in model.members
            for own in sorted(member["model"].get_params())
        ]
    return sorted(model.get_params())


def _logistic(feature_set: FeatureSet) -> Parts:
    from sklearn.linear_model import LogisticRegression

    categories = known_columns(CATEGORICAL, feature_set)
    numbers = known_columns([*NUMERIC, *TOTALS], feature_set)
    preprocess = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
            ("numbers", StandardScaler(), numbers),
        ],
        sparse_threshold=0,
    )
    return numbers, preprocess, LogisticRegression(max_iter=1000)


def _logistic_interactions(feature_set: FeatureSet) -> Parts:
    from sklearn.linear_model import LogisticRegression

    columns = known_columns(["SpecialDay", "Weekend", *INTERACTIONS], feature_set)
    return columns, _select(columns), LogisticRegression(C=0.5, solver="newton-cholesky")


def _hist_gradient_boosting(feature_set: FeatureSet) -> Parts:
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = known_columns([*NUMERIC, *TOTALS, *RATIOS], feature_set)
    # Few, shallow and shrunken: the signal is smooth, and a purchase is rare.
    model = HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_leaf_nodes=15,
        min_samples_leaf=10,
        l2_regularization=1.0,
        max_features=0.3,
        early_stopping=False,
    )
    return columns, _select(columns), model


def _select(columns: list[str]) -> ColumnTransformer:
    """Return a step that passes on numeric columns as they are, in this order."""
    return ColumnTransformer([("numbers", "passthrough", columns)])


_BUILDERS: dict[Candidate, Callable[[FeatureSet], Parts]] = {
    "logistic": _logistic,
    "logistic_interactions": _logistic_interactions,
    "hist_gradient_boosting": _hist_gradient_boosting,
}
