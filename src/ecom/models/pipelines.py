"""Candidates as scikit-learn Pipelines, from raw sessions to a purchase probability."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from ecom.errors import DataError
from ecom.features import ENGINEERED, add_features
from ecom.models.averaging import LogOddsAverage
from ecom.models.candidates import CANDIDATES, Average, members_of, single
from ecom.schema import FeatureSet

if TYPE_CHECKING:
    from ecom.results import TuneResults


def build_pipeline(
    candidate: str,
    *,
    feature_set: FeatureSet = "end_of_session",
    seed: int | None = None,
    **hyperparameters: Any,
) -> Pipeline:
    """Build an unfitted candidate.

    Parameters
    ----------
    candidate
        Name in `ecom.models.candidates.CANDIDATES`.
    feature_set
        The model sees only columns made of this set's raw columns.
    seed
        ``random_state`` of the model; a logistic regression draws nothing and needs none.
    **hyperparameters
        Hyperparameters of the model by scikit-learn's names; those of a member of an average as
        ``member.name``.

    Returns
    -------
    Pipeline
        Steps ``features``, ``preprocess`` and ``model``. An average has the steps ``features`` and
        ``model``, and each of its members a ``preprocess`` and a ``model``. It takes a frame with
        the columns of ``ecom.schema.FEATURE_SETS[feature_set]``.
    """
    parts = {member: single(member).build(feature_set) for member in members_of(candidate)}
    needed = {column for part in parts.values() for column in part.columns}
    engineered = tuple(column for column in ENGINEERED if column in needed)
    steps = {
        member: [("preprocess", part.preprocess), ("model", part.model)]
        for member, part in parts.items()
    }
    if isinstance(CANDIDATES[candidate], Average):
        members = [(member, Pipeline(own)) for member, own in steps.items()]
        tail: list[tuple[str, Any]] = [("model", LogOddsAverage(members))]
    else:
        tail = steps[candidate]
    features = FunctionTransformer(add_features, kw_args={"columns": engineered})
    pipeline = Pipeline([("features", features), *tail])
    if seed is not None:
        hyperparameters |= {
            name: seed for name in _hyperparameters(pipeline) if name.endswith("random_state")
        }
    return pipeline.set_params(
        **{parameter_name(name): value for name, value in hyperparameters.items()}
    )


def settled_arguments(
    tuned: "TuneResults", baseline: Mapping[str, float], feature_set: FeatureSet
) -> dict[str, dict[str, Any]]:
    """Return arguments of `build_pipeline` that the pipeline settled on, for both models.

    Parameters
    ----------
    tuned
        What tune found.
    baseline
        Hyperparameters of the baseline.
    feature_set
        The one in use.

    Raises
    ------
    DataError
        The best model was tuned for another feature set.
    """
    if tuned["feature_set"] != feature_set:
        raise DataError(
            "metrics/tune.json was computed with another features.set: run `dvc repro tune` first"
        )
    settings = {"candidate": tuned["candidate"], "seed": tuned["seed"], **tuned["best_params"]}
    return {"baseline": {"candidate": "logistic", **baseline}, "best_model": settings}


def parameter_name(hyperparameter: str) -> str:
    """Return the name that a candidate's Pipeline has for a hyperparameter of its model.

    Examples
    --------
    >>> parameter_name("C")
    'model__C'
    >>> parameter_name("logistic_interactions.C")
    'model__logistic_interactions__model__C'
    """
    return "__".join(f"model__{part}" for part in hyperparameter.split("."))


def _hyperparameters(pipeline: Pipeline) -> list[str]:
    """Return the hyperparameters of a candidate's model, as `build_pipeline` takes them."""
    model = pipeline["model"]
    if isinstance(model, LogOddsAverage):
        return [
            f"{name}.{own}"
            for name, member in model.members
            for own in member["model"].get_params()
        ]
    return list(model.get_params())
