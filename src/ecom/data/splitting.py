"""The random split into training and test rows."""

from typing import Final

import pandas as pd
from sklearn.model_selection import train_test_split

from ecom.errors import DataError
from ecom.schema import TARGET

CLASSES: Final = (0, 1)


def split_sessions(
    sessions: pd.DataFrame, *, test_size: float, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split typed sessions into training and test rows, stratified by the target.

    Parameters
    ----------
    sessions
        Typed sessions.
    test_size
        Share of the rows that become test rows, above 0 and below 1.
    seed
        Seed of the shuffle.

    Returns
    -------
    train, test : DataFrame
        Disjoint, with the index of `sessions`. A test row that repeats a training row is dropped,
        because a model could score it from memory. If duplicates were dropped before, there is
        none.

    Raises
    ------
    DataError
        Too few sessions of one class for `test_size`.
    """
    try:
        train, test = train_test_split(
            sessions, test_size=test_size, stratify=sessions[TARGET], random_state=seed
        )
    except ValueError as error:
        raise _cannot_split(sessions, test_size, str(error)) from None
    in_train = pd.MultiIndex.from_frame(test).isin(pd.MultiIndex.from_frame(train))
    test = test[~in_train]
    for name, rows in (("training", train), ("test", test)):
        if rows[TARGET].nunique() < len(CLASSES):
            raise _cannot_split(sessions, test_size, f"the {name} rows would be of only one class")
    return train, test


def _cannot_split(sessions: pd.DataFrame, test_size: float, reason: str) -> DataError:
    return DataError(
        f"{len(sessions):,} sessions, {int(sessions[TARGET].sum()):,} of them purchases, "
        f"cannot be split with split.test_size {test_size}: {reason}"
    )
