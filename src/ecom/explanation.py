"""Why a model says what it says: contributions of the raw columns to its log-odds.

For the columns that a model sees they are exact: for boosted trees the path-dependent SHAP values
of Lundberg et al. (2020), for logistic regressions those of Lundberg and Lee (2017) for independent
columns; an average has the mean of its members'. What an engineered column contributes is shared
out among the raw columns that it is made of by a convention, `ecom.features.raw_shares`: the sum
stays exact, the division within a product or a ratio is one of several that could be argued for
(docs/decisions/0006-explanation.md).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecom.averaging import LogOddsAverage
from ecom.errors import DataError
from ecom.features import raw_shares
from ecom.schema import CATEGORICAL, FEATURES

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

Floats = NDArray[np.float64]

TOLERANCE = 1e-6  # of the sum of contributions, in log-odds


@dataclass(frozen=True)
class Explanation:
    """Contributions to the log-odds of a purchase.

    Attributes
    ----------
    base : float
        Log-odds that the contributions start from.
    contributions : DataFrame of shape (n_sessions, 17)
        By session and raw column; with `base`, a row's sum is the model's own log-odds. A column
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


def explain(model: "Pipeline", sessions: pd.DataFrame, background: pd.DataFrame) -> Explanation:
    """Explain a fitted candidate's log-odds.

    Parameters
    ----------
    model
        Of `ecom.models.build_pipeline`, fitted.
    sessions
        Raw sessions to explain.
    background
        Raw sessions, those it was fitted to, whose mean the contributions of a logistic
        regression are relative to; the trees keep their own count of them.

    Returns
    -------
    Explanation
        With a row for each of `sessions`.

    Raises
    ------
    DataError
        Contributions and base miss the model's own log-odds by more than 1e-6: the model has
        parts that are not explained here.
    """
    engineered, behind = (model["features"].transform(rows) for rows in (sessions, background))
    averaged = isinstance(model["model"], LogOddsAverage)
    members = [member for _, member in model["model"].members] if averaged else [model]
    explained = [
        _explain(member["preprocess"], member["model"], engineered, behind) for member in members
    ]
    explanation = Explanation(
        float(np.mean([base for base, _ in explained])),
        sum((by_column for _, by_column in explained), start=_nothing(sessions)) / len(explained),
    )
    gap = float(np.abs(explanation.log_odds - model.decision_function(sessions)).max())
    if gap > TOLERANCE:
        raise DataError(
            f"the contributions of the columns miss the model's log-odds by {gap:.2g}; expected at "
            f"most {TOLERANCE:g}. The model has parts that ecom.explanation does not know"
        )
    return explanation


def _explain(
    preprocess: "ColumnTransformer", model: Any, engineered: pd.DataFrame, background: pd.DataFrame
) -> tuple[float, pd.DataFrame]:
    matrix = preprocess.transform(engineered).astype(np.float64)
    if hasattr(model, "coef_"):
        base, values = _linear(model, matrix, preprocess.transform(background).mean(axis=0))
    else:
        base, values = _trees(model, matrix)
    by_column = _nothing(engineered)
    for name, contribution in zip(_columns(preprocess), values.T, strict=True):
        for raw, share in raw_shares(name).items():
            by_column[raw] += share * contribution
    return base, by_column


def _linear(model: Any, matrix: Floats, mean: Floats) -> tuple[float, Floats]:
    return float(model.intercept_[0] + mean @ model.coef_[0]), (matrix - mean) * model.coef_[0]


def _trees(model: Any, matrix: Floats) -> tuple[float, Floats]:
    from shap import TreeExplainer

    explainer = TreeExplainer(model, feature_perturbation="tree_path_dependent")
    return float(np.ravel(explainer.expected_value)[0]), explainer.shap_values(matrix)


def _columns(preprocess: "ColumnTransformer") -> list[str]:
    """Return the column, before encoding, that each column of the model's matrix comes from."""
    columns: list[str] = []
    for _, step, names in preprocess.transformers_:
        if isinstance(step, str):  # "drop": what the model does not see
            continue
        if hasattr(step, "categories_"):
            columns += [
                name for name, levels in zip(names, step.categories_, strict=True) for _ in levels
            ]
        else:
            columns += names
    return columns


def _nothing(sessions: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(0.0, index=sessions.index, columns=list(FEATURES))


def dependence(explanation: Explanation, sessions: pd.DataFrame, columns: int) -> pd.DataFrame:
    """Return value and contribution of the most important columns, session by session.

    Parameters
    ----------
    explanation, sessions
        Contributions, and the raw sessions that they are of.
    columns
        How many columns, by importance.

    Returns
    -------
    DataFrame
        ``column``, ``value`` and ``contribution``; the column of most importance first.
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
        Of each session, with the same index.

    Returns
    -------
    dict
        Index of the session of median log-odds of each class that occurs, and of that nearest to
        even odds.
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
        Contributions, and the raw sessions that they are of.
    chosen
        Of `typical_sessions`.

    Returns
    -------
    DataFrame
        ``session``, as named in `chosen`; ``column``, its ``value`` and ``contribution``, ordered
        by size, then a row for the ``base``.
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
