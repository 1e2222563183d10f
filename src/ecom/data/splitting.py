"""The random split into training and test rows."""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from ecom.data.identity import numbered, row_numbers, session_hashes
from ecom.errors import DataError
from ecom.schema import TARGET

if TYPE_CHECKING:
    from ecom.params.split import Split

CLASSES: Final = (0, 1)


class SplitRows(NamedTuple):
    """Positions of the rows on each side; no row is on both.

    Attributes
    ----------
    train, test
        In the order of the shuffle.
    repeated
        How many test rows were dropped, because they repeat a training row.
    left_out
        How many training rows were left out, because they are more than are asked for.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    repeated: int
    left_out: int


def split_rows(
    sessions: NDArray[np.int64], labels: NDArray[np.int64], params: "Split"
) -> SplitRows:
    """Split rows into training and test rows, stratified by the target.

    Parameters
    ----------
    sessions
        A number for each row, the same for rows that hold the same in every column.
    labels
        The target of each row.
    params
        Section of params.yaml. With ``max_train_rows``, a stratified sample of the training rows is
        kept; the test rows stay the same.

    Returns
    -------
    SplitRows
        A test row that repeats a training row is dropped, because a model could score it from
        memory. If duplicates were dropped before, there is none.

    Raises
    ------
    DataError
        Too few sessions of one class for the split.
    """

    def shuffled(rows: NDArray[np.int64], size: float) -> list[NDArray[np.int64]]:
        """Return the rows of both sides; the second has `size` of them, or that share."""
        try:
            sides: list[NDArray[np.int64]] = train_test_split(
                rows, test_size=size, stratify=labels[rows], random_state=params.seed
            )
        except ValueError as error:
            raise _cannot_split(labels, params, str(error)) from None
        return sides

    train, test = shuffled(np.arange(len(labels)), params.test_size)
    known = test[~np.isin(sessions[test], sessions[train])]
    kept, most = train, params.max_train_rows
    if most is not None and most < len(train):
        kept = train[np.isin(train, shuffled(train, most)[1])]
    for name, rows in (("training", kept), ("test", known)):
        if len(np.unique(labels[rows])) < len(CLASSES):
            reason = f"the {name} rows would be of only one class"
            raise _cannot_split(labels, params, reason)
    return SplitRows(kept, known, len(test) - len(known), len(train) - len(kept))


def split_sessions(sessions: pd.DataFrame, params: "Split") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split typed sessions by `split_rows`; return training and test rows, with their index.

    Raises
    ------
    DataError
        Too few sessions of one class for the split.
    """
    labels = sessions[TARGET].to_numpy(np.int64)
    split = split_rows(row_numbers(numbered(session_hashes(sessions)), labels), labels, params)
    return sessions.iloc[split.train], sessions.iloc[split.test]


def _cannot_split(labels: NDArray[np.int64], params: "Split", reason: str) -> DataError:
    most = params.max_train_rows
    sample = "" if most is None else f", split.max_train_rows {most}"
    return DataError(
        f"{len(labels):,} sessions, {int(labels.sum()):,} of them purchases, cannot be split with "
        f"split.test_size {params.test_size}{sample}: {reason}"
    )
