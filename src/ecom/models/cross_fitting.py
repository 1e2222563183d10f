"""Out-of-sample scores of every training row, several times over: what models are compared by."""

import hashlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import Pipeline

from ecom.errors import DataError
from ecom.models.search import out_of_fold_scores


def folds_by_key(keys: Iterable[str], n_splits: int, seed: int) -> NDArray[np.int64]:
    """Deal sessions into folds by their keys, so that a session's fold depends on no other session.

    Two states of the project whose training rows differ hence have the same folds where they share
    sessions, and their scores differ by what changed, not by the luck of the folds.

    Parameters
    ----------
    keys
        From `ecom.data.identity.session_keys`.
    n_splits
        Number of folds.
    seed
        Of the deal.

    Returns
    -------
    array of shape (n,)
        A number from 0 for each session.

    Examples
    --------
    >>> folds_by_key(["a", "b", "c", "d"], 3, 0).tolist() == (
    ...     folds_by_key(["d", "c", "b", "a"], 3, 0).tolist()[::-1]
    ... )
    True
    """
    digests = (hashlib.blake2b(f"{seed} {key}".encode(), digest_size=8).digest() for key in keys)
    return np.array([int.from_bytes(digest) % n_splits for digest in digests], np.int64)


def cross_fit(
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    build: Callable[..., Pipeline],
    folds: Mapping[int, NDArray[np.int64]],
    n_jobs: int,
) -> NDArray[np.float64]:
    """Score each session by models that were fitted without it, once in each repeat.

    Parameters
    ----------
    sessions, labels
        Training rows and their target.
    build
        Called with ``seed``, returns an unfitted candidate.
    folds
        By seed of a repeat, the fold of each session. The seed is also the ``random_state``.
    n_jobs
        Worker processes; the result does not depend on it.

    Returns
    -------
    array of shape (repeats, n_sessions)
        Purchase probabilities, rounded.

    Raises
    ------
    DataError
        All sessions outside a fold are of one class.
    """
    scores = []
    for seed, fold in folds.items():
        for held_out in np.unique(fold):
            if labels[fold != held_out].nunique() < 2:  # noqa: PLR2004  two classes
                raise DataError(
                    f"the {len(labels):,} training rows, {int(labels.sum()):,} of them purchases, "
                    "are too few for cross_fit: outside one of its folds, all are of one class. "
                    "Bring more sessions"
                )
        scores.append(
            out_of_fold_scores(build(seed=seed), sessions, labels, PredefinedSplit(fold), n_jobs)
        )
    return np.stack(scores)
