"""The log-odds of classifiers, and their average."""

from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import _BaseComposition

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

CERTAIN: Final = 1e-6  # a probability less than this from 0 or 1 has no log-odds of its own


def pipelines_in(model: "Pipeline") -> "list[Pipeline]":
    """Return the fitted Pipelines that a candidate averages; of any other, the candidate itself.

    They are in the order of `ecom.models.candidates.members_of`.
    """
    last = model["model"]
    return [member for _, member in last.members] if isinstance(last, LogOddsAverage) else [model]


def log_odds(model: Any, sessions: Any) -> NDArray[np.float64]:
    """Return a fitted classifier's log-odds of a purchase, of shape (n_sessions,).

    A classifier without log-odds of its own, such as a forest, gets those of its probability.
    """
    if hasattr(model, "decision_function"):
        own: NDArray[np.float64] = model.decision_function(sessions)
        return own
    return probability_log_odds(model.predict_proba(sessions)[:, 1])


def probability_log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log-odds of probabilities, which may be 0 or 1: these count as `CERTAIN` away."""
    clipped: NDArray[np.float64] = logit(np.clip(probabilities, CERTAIN, 1 - CERTAIN))
    return clipped


class LogOddsAverage(ClassifierMixin, _BaseComposition):  # type: ignore[misc]  # untyped bases
    """Classifier whose log-odds are the mean of its members' log-odds.

    On the log-odds, a column's contribution to the average is the mean of its contributions to the
    members. A mean of probabilities (`VotingClassifier`) has no such additive contributions.

    Parameters
    ----------
    members
        Names and unfitted binary classifiers; a ``decision_function`` must be in log-odds.
        Fitting fits the members themselves, as a Pipeline fits its steps.
    """

    def __init__(self, members: list[tuple[str, Any]]) -> None:
        self.members = members

    def fit(self, sessions: Any, labels: ArrayLike) -> Self:
        """Fit each member to the same sessions, of shape (n, ...), and labels, of shape (n,)."""
        self.classes_ = np.unique(labels)
        for _, member in self.members:
            member.fit(sessions, labels)
        return self

    def decision_function(self, sessions: Any) -> NDArray[np.float64]:
        """Return the mean log-odds, of shape (n_sessions,)."""
        members = [log_odds(member, sessions) for _, member in self.members]
        mean: NDArray[np.float64] = np.mean(members, axis=0)
        return mean

    def predict_proba(self, sessions: Any) -> NDArray[np.float64]:
        """Return the probabilities of both classes, of shape (n_sessions, 2)."""
        positive = expit(self.decision_function(sessions))
        return np.column_stack([1 - positive, positive])

    def predict(self, sessions: Any) -> NDArray[Any]:
        """Return the likelier class of each session."""
        classes: NDArray[Any] = self.classes_[
            (self.decision_function(sessions) > 0).astype(np.int64)
        ]
        return classes

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep`, those of the members as ``member__parameter`` too."""
        params: dict[str, Any] = self._get_params("members", deep=deep)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by the names of `get_params`."""
        self._set_params("members", **params)
        return self
