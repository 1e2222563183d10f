"""Out-of-sample scores of every training row, several times over: what models are compared by."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import PredefinedSplit
from sklearn.pipeline import Pipeline

from ecom.errors import DataError
from ecom.models.rounding import purchase_scores
from ecom.models.search import out_of_fold_scores

SAME: Final = 1e-6  # of a score; another machine may have fitted the model that ships


def folds_by_key(keys: Iterable[str], n_splits: int, seed: int) -> NDArray[np.int64]:
    """Deal sessions into folds by their keys, so that a session's fold depends on no other session.

    Two states of the project whose training rows differ hence have the same folds where they share
    sessions, and their scores differ by what changed, not by the luck of the folds. Sessions that
    hold the same are in the same fold: no model scores one from memory.

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
    return (key_hashes(keys, seed) % n_splits).astype(np.int64)


def key_hashes(keys: Iterable[str], seed: int) -> NDArray[np.uint64]:
    """Return a number for each session, as good as random, that depends on its key and a seed."""
    contents = (f"{seed} {key.partition('-')[0]}".encode() for key in keys)
    digests = (hashlib.blake2b(content, digest_size=8).digest() for content in contents)
    return np.array([int.from_bytes(digest) for digest in digests], np.uint64)


def require_same_scores(shipped: Pipeline, refitted: Pipeline, sessions: pd.DataFrame) -> None:
    """Refuse a model that its settings do not give: what is compared must be what ships.

    Parameters
    ----------
    shipped
        The model that tune fitted.
    refitted
        Its settings, fitted again to the same sessions.
    sessions
        Training rows.

    Raises
    ------
    DataError
        A score differs.
    """
    gaps = np.abs(purchase_scores(shipped, sessions) - purchase_scores(refitted, sessions))
    if gaps.max() > SAME:
        raise DataError(
            "models/best_model.joblib is not what metrics/tune.json gives: fitted again to the "
            f"training rows, it scores {int((gaps > SAME).sum()):,} of {len(gaps):,} otherwise, by "
            f"up to {gaps.max():.2g}. Reviews would judge another model than the one that ships: "
            "let tune fit the settings that it writes"
        )


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
