"""Why a model says what it says: contributions of the raw columns to its log-odds.

The contributions of the columns that a model sees are exact: for boosted trees the path-dependent
SHAP values of Lundberg et al. (2020), for logistic regressions those of Lundberg and Lee (2017) for
independent columns. An average's contributions are the means of its members' contributions. For a
forest, the SHAP values of its probability are rescaled to the log-odds (Chen et al. 2022).

The contribution of an engineered column is shared among the raw columns that it is made of, by the
convention of `ecom.features.raw_shares`. The sum stays exact; the division within a product or a
ratio is one of several that could be argued for (docs/decisions/0006-explanation.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecom.errors import DataError
from ecom.features import raw_shares
from ecom.models.averaging import log_odds, pipelines_in, probability_log_odds
from ecom.models.candidates import Explainer, members_of, single
from ecom.schema import CATEGORICAL, FEATURES

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

Matrix = NDArray[np.float64]
# From a model, the matrix to explain and a background matrix to the base, of shape () or (n,), and
# the contributions of the matrix's columns, of shape (n, columns).
Contributions = tuple[Any, Matrix]

TOLERANCE: Final = 1e-6  # of the sum of contributions, in log-odds


@dataclass(frozen=True)
class Explanation:
    """Contributions to the log-odds of a purchase.

    Attributes
    ----------
    base : float
        Log-odds that the contributions start from.
    contributions : DataFrame of shape (n_sessions, 17)
        By session and raw column. A row's sum plus `base` is the model's own log-odds. A column
        that the model does not see contributes 0.
    """

    base: float
    contributions: pd.DataFrame

    @property
    def log_odds(self) -> "pd.Series[float]":
        """Sum of the base and a session's contributions."""
        return self.contributions.sum(axis=1) + self.base

    @property
    def importance(self) -> "pd.Series[float]":
        """Mean absolute contribution of each raw column, the largest first."""
        return self.contributions.abs().mean().sort_values(ascending=False, kind="stable")


def explain(
    candidate: str, model: "Pipeline", sessions: pd.DataFrame, background: pd.DataFrame
) -> Explanation:
    """Explain a fitted candidate's log-odds.

    Parameters
    ----------
    candidate
        Name in `ecom.models.candidates.CANDIDATES`.
    model
        Fitted, from `ecom.models.pipelines.build_pipeline`.
    sessions
        Raw sessions to explain.
    background
        Raw sessions that the model was fitted to. The contributions of a logistic regression are
        relative to their mean; trees keep counts of their own.

    Returns
    -------
    Explanation
        With a row for each of `sessions`.

    Raises
    ------
    DataError
        Contributions and base differ from the model's own log-odds by more than 1e-6: the
        candidate's explainer does not fit its model.
    """
    engineered, behind = (model["features"].transform(rows) for rows in (sessions, background))
    explained = [
        _explain_member(EXPLAINERS[single(name).explainer], member, engineered, behind)
        for name, member in zip(members_of(candidate), pipelines_in(model), strict=True)
    ]
    explanation = Explanation(
        float(np.mean([base for base, _ in explained])),
        sum((by_column for _, by_column in explained), start=_zeros(sessions)) / len(explained),
    )
    gap = float(np.abs(explanation.log_odds - log_odds(model, sessions)).max())
    if not gap <= TOLERANCE:
        raise DataError(
            f"the contributions of the columns differ from the log-odds of {candidate} by "
            f"{gap:.2g}; expected at most {TOLERANCE:g}. Its explainer in ecom.models.candidates "
            "does not fit its model"
        )
    return explanation


def _explain_member(
    explainer: Callable[[Any, Matrix, Matrix], Contributions],
    member: "Pipeline",
    engineered: pd.DataFrame,
    background: pd.DataFrame,
) -> tuple[float, pd.DataFrame]:
    preprocess = member["preprocess"]
    matrix, behind = (
        preprocess.transform(rows).astype(np.float64) for rows in (engineered, background)
    )
    base, values = explainer(member["model"], matrix, behind)
    by_column = _zeros(engineered)
    for source, contribution in zip(sources(preprocess), values.T, strict=True):
        for raw, share in raw_shares(source.name).items():
            by_column[raw] += share * contribution
    return base, by_column


def _explain_linear(model: Any, matrix: Matrix, background: Matrix) -> Contributions:
    mean = background.mean(axis=0)
    return float(model.intercept_[0] + mean @ model.coef_[0]), (matrix - mean) * model.coef_[0]


def _explain_boosted_trees(model: Any, matrix: Matrix, _: Matrix) -> Contributions:
    from shap import TreeExplainer

    explainer = TreeExplainer(model, feature_perturbation="tree_path_dependent")
    return float(np.ravel(explainer.expected_value)[0]), explainer.shap_values(matrix)


def _explain_forest(model: Any, matrix: Matrix, _: Matrix) -> Contributions:
    from shap import TreeExplainer

    explainer = TreeExplainer(model, feature_perturbation="tree_path_dependent")
    base, values = explainer.expected_value[1], explainer.shap_values(matrix)[:, :, 1]
    probabilities = base + values.sum(axis=1)
    base_log_odds = float(probability_log_odds(np.array(base)))
    moved, along = probability_log_odds(probabilities) - base_log_odds, probabilities - base
    # Each contribution keeps its share of the way from the base to the session.
    scale = np.divide(moved, along, out=np.zeros_like(along), where=along != 0)
    return base_log_odds, values * scale[:, None]


EXPLAINERS: Final[Mapping[Explainer, Callable[[Any, Matrix, Matrix], Contributions]]] = {
    "linear": _explain_linear,
    "boosted_trees": _explain_boosted_trees,
    "forest": _explain_forest,
}


class Source(NamedTuple):
    """Where a column of the model's matrix comes from, and whether it is passed on as it is."""

    name: str
    as_it_is: bool


def sources(preprocess: "ColumnTransformer") -> list[Source]:
    """Return the column, before encoding, that each column of the model's matrix comes from."""
    found: list[Source] = []
    for _, step, names in preprocess.transformers_:
        if isinstance(step, str):  # "drop": columns that the model does not see
            continue
        levels = getattr(step, "categories_", [[None] for _ in names])
        as_it_is = getattr(step, "func", step) is None
        for name, of_name in zip(names, levels, strict=True):
            found += [Source(name, as_it_is) for _ in of_name]
    return found


def _zeros(sessions: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(0.0, index=sessions.index, columns=list(FEATURES))


def dependence(explanation: Explanation, sessions: pd.DataFrame, columns: int) -> pd.DataFrame:
    """Return value and contribution of the most important columns, session by session.

    Parameters
    ----------
    explanation, sessions
        Contributions, and the raw sessions that they belong to.
    columns
        How many columns, by importance.

    Returns
    -------
    DataFrame
        ``column``, ``value`` and ``contribution``; the most important column first.
    """
    tables = [
        pd.DataFrame(
            {
                "column": name,
                "value": sessions[name].astype(str if name in CATEGORICAL else float),
                "contribution": explanation.contributions[name],
            }
        ).astype({"value": object})
        for name in explanation.importance.index[:columns]
    ]
    return pd.concat(tables, ignore_index=True)


def typical_sessions(labels: "pd.Series[int]", log_odds: "pd.Series[float]") -> dict[str, Any]:
    """Choose three sessions: a typical purchase, a typical one without, and the least certain.

    Parameters
    ----------
    labels, log_odds
        Label and log-odds of each session, with the same index.

    Returns
    -------
    dict
        Index of the session with the median log-odds of each class that occurs, and of the session
        nearest to even odds.
    """
    typical = {
        name: ordered.index[len(ordered) // 2]
        for name, label in (("typical purchase", 1), ("typical session without purchase", 0))
        if len(ordered := log_odds[labels == label].sort_values(kind="stable"))
    }
    return {**typical, "least certain": log_odds.abs().idxmin()}


def contributions_of(
    explanation: Explanation, sessions: pd.DataFrame, chosen: dict[str, Any]
) -> pd.DataFrame:
    """Return each contribution to the log-odds of the sessions chosen, the largest first.

    Parameters
    ----------
    explanation, sessions
        Contributions, and the raw sessions that they belong to.
    chosen
        Index of each session by name, from `typical_sessions`.

    Returns
    -------
    DataFrame
        ``session``, by its name in `chosen`; ``column``, its ``value`` and ``contribution``,
        ordered by size; then a row for the ``base``.
    """
    tables = []
    for name, place in chosen.items():
        by_column = explanation.contributions.loc[place]
        ordered = by_column.reindex(by_column.abs().sort_values(ascending=False).index)
        tables.append(
            pd.DataFrame(
                {
                    "session": name,
                    "column": [*ordered.index, "base"],
                    "value": [*(str(sessions.loc[place, column]) for column in ordered.index), ""],
                    "contribution": [*ordered, explanation.base],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
