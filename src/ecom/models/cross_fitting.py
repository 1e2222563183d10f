"""Out-of-sample scores of every training row, several times over: what models are compared by."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from ecom.models.search import out_of_fold_scores, stratified_folds
from ecom.params.cross_fit import CrossFit
from ecom.params.folds import Folds


def cross_fit(
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    build: Callable[..., Pipeline],
    *,
    n_splits: int,
    params: CrossFit,
) -> NDArray[np.float64]:
    """Score each session by models that were fitted without it, once in each repeat.

    Parameters
    ----------
    sessions, labels
        Training rows and their target.
    build
        Called with ``seed``, returns an unfitted candidate.
    n_splits
        Number of folds.
    params
        Repeats and seed. Each repeat has folds and a ``random_state`` of its own.

    Returns
    -------
    array of shape (repeats, n_sessions)
        Purchase probabilities, rounded.

    Raises
    ------
    DataError
        A class has fewer rows than there are folds.
    """
    return np.stack(
        [
            out_of_fold_scores(
                build(seed=seed),
                sessions,
                labels,
                stratified_folds(labels, Folds(n_splits=n_splits, seed=seed)),
                n_jobs=params.n_jobs,
            )
            for seed in params.seeds
        ]
    )
