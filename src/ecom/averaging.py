"""An average of classifiers on the log-odds."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import _BaseComposition


class LogOddsAverage(ClassifierMixin, _BaseComposition):  # type: ignore[misc]  # untyped bases
    """Classifier whose log-odds are the mean of its members'.

    On the log-odds, what columns contribute to the members averages to what they contribute to
    the whole; a mean of probabilities (`VotingClassifier`) has no such additive contributions.

    Parameters
    ----------
    members
        Names and unfitted binary classifiers with a ``decision_function`` in log-odds.
        Fitting fits the members themselves, as a Pipeline does its steps.
    """

    def __init__(self, members: list[tuple[str, Any]]) -> None:
        self.members = members

    def fit(self, sessions: Any, labels: ArrayLike) -> Self:
        """Fit each member to the same rows: `sessions`, of shape (n, ...), and labels, (n,)."""
        self.classes_ = np.unique(labels)
        for _, member in self.members:
            member.fit(sessions, labels)
        return self

    def decision_function(self, sessions: Any) -> NDArray[np.float64]:
        """Return the mean log-odds, of shape (n_sessions,)."""
        log_odds = [member.decision_function(sessions) for _, member in self.members]
        mean: NDArray[np.float64] = np.mean(log_odds, axis=0)
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
        """Return the parameters, the members' own among them as ``member__parameter``."""
        params: dict[str, Any] = self._get_params("members", deep=deep)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by the names of `get_params`."""
        self._set_params("members", **params)
        return self
