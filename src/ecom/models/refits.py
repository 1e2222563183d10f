"""Fits to parts of the training rows, which score rows that they did not see."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed

from ecom.errors import DataError
from ecom.models.rounding import purchase_scores
from ecom.schema import COLUMNS, GROUPS

Rows = NDArray[np.intp]
Build = Callable[[], Pipeline]
Models = Mapping[str, Build]  # `Build` returns an unfitted candidate

# The value that a column has in every row if a model is not to see it.
WITHHELD: Final = {
    column.name: column.allowed[0] if column.allowed else int(column.minimum) for column in COLUMNS
}


class Fit(NamedTuple):
    """One fit to some rows, which then scores others.

    Attributes
    ----------
    column
        Name of its scores.
    pipeline
        Unfitted, and of no other fit.
    train, held_out
        Positions of the rows that it is fitted to, and of those that it scores.
    withheld
        Raw columns that it does not see.
    """

    column: str
    pipeline: Pipeline
    train: Rows
    held_out: Rows
    withheld: Sequence[str] = ()


def scores_over_time(  # noqa: PLR0913  all that decides which rows are seen
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    models: Models,
    *,
    periods: "pd.Series[str]",
    months_before: int | None,
    n_jobs: int,
) -> pd.DataFrame:
    """Score the sessions of each month by models that were fitted to the months before alone.

    This is the rolling-origin evaluation of Tashman (2000).

    Parameters
    ----------
    sessions, labels
        Training rows and their target.
    models
        ``baseline``, ``best_model`` and any others.
    periods
        The month of each session, as ordered categories.
    months_before
        How many months the first models are fitted to; None scores no month. A month is passed over
        if the months before it have sessions of one class only.
    n_jobs
        Worker processes; the result does not depend on it.

    Returns
    -------
    DataFrame
        A row for each session of these months, by the index of `sessions`, and a column of scores
        for each model, and for the best model without each of `ecom.schema.GROUPS`.
    """
    recipes: dict[str, tuple[Build, Sequence[str]]] = {
        **{name: (build, ()) for name, build in models.items()},
        **{group: (models["best_model"], columns) for group, columns in GROUPS.items()},
    }
    fits = []
    places = periods.cat.codes.to_numpy()
    first = len(periods.cat.categories) if months_before is None else months_before
    for place in range(first, len(periods.cat.categories)):
        train, held_out = np.flatnonzero(places < place), np.flatnonzero(places == place)
        if _both_classes(labels.iloc[train]):
            fits += [
                Fit(name, build(), train, held_out, withheld)
                for name, (build, withheld) in recipes.items()
            ]
    return _scores(sessions, labels, fits, n_jobs, list(recipes))


def scores_on_shares(  # noqa: PLR0913  all that decides which rows are seen
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    models: Models,
    *,
    fold: NDArray[np.int64],
    order: NDArray[np.uint64],
    shares: Sequence[float],
    n_jobs: int,
) -> pd.DataFrame:
    """Score every session by models that were fitted to a share of the other folds.

    Parameters
    ----------
    sessions, labels
        Training rows and their target.
    models
        ``baseline`` and ``best_model``.
    fold, order : arrays of shape (n,)
        The fold of each session, and its place in the order in which sessions are taken: a larger
        share holds all sessions of a smaller one.
    shares
        Of the sessions outside a fold.
    n_jobs
        Worker processes; the result does not depend on it.

    Returns
    -------
    DataFrame
        By the index of `sessions`, a column of scores for each model and share, such as
        ``best_model 0.5``.

    Raises
    ------
    DataError
        A share of the rows has one class only.
    """
    fits = []
    for share in shares:
        for number in np.unique(fold):
            others = np.flatnonzero(fold != number)
            taken = np.sort(others[np.argsort(order[others])][: round(share * len(others))])
            if not _both_classes(labels.iloc[taken]):
                raise DataError(
                    f"learning_curve.shares has {share:g}: {len(taken):,} training rows, all of "
                    "one class. Begin with a larger share"
                )
            fits += [
                Fit(f"{name} {share}", build(), taken, np.flatnonzero(fold == number))
                for name, build in models.items()
            ]
    columns = [f"{name} {share}" for name in models for share in shares]
    return _scores(sessions, labels, fits, n_jobs, columns)


def _scores(
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    fits: Sequence[Fit],
    n_jobs: int,
    columns: list[str],
) -> pd.DataFrame:
    """Run the fits; return the rows that were scored, with a column for each name."""
    values = {name: np.full(len(sessions), np.nan) for name in columns}
    found = Parallel(n_jobs=n_jobs)(delayed(_fitted_scores)(fit, sessions, labels) for fit in fits)
    for fit, scores in zip(fits, found, strict=True):
        values[fit.column][fit.held_out] = scores
    return pd.DataFrame(values, index=sessions.index).dropna()


def _both_classes(labels: "pd.Series[int]") -> bool:
    return 0 < labels.sum() < len(labels)


def _fitted_scores(
    fit: Fit, sessions: pd.DataFrame, labels: "pd.Series[int]"
) -> NDArray[np.float64]:
    seen = sessions.assign(**{column: WITHHELD[column] for column in fit.withheld})
    model = fit.pipeline.fit(seen.iloc[fit.train], labels.iloc[fit.train])
    return purchase_scores(model, seen.iloc[fit.held_out])
