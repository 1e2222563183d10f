"""The random split into training and test rows."""

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecom.data.identity import session_hashes
from ecom.data.repeats import HashFile, first_rows
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


def split_rows(sessions: NDArray[np.int64], labels: NDArray[np.int8], params: "Split") -> SplitRows:
    """Split rows into training and test rows, stratified by the target.

    Parameters
    ----------
    sessions
        For each row, the first row that holds the same in every column.
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
    train, test = shuffled(labels, math.ceil(params.test_size * len(labels)), params.seed)
    known = np.zeros(len(labels), np.bool_)
    known[sessions[train]] = True
    new = test[~known[sessions[test]]]
    kept, most = train, params.max_train_rows
    if most is not None and most < len(train):
        _, sample = shuffled(labels[train], most, params.seed)
        kept = train[np.sort(sample)]
    for name, rows in (("training", kept), ("test", new)):
        if len(np.unique(labels[rows])) < len(CLASSES):
            most_asked = "" if most is None else f", split.max_train_rows {most}"
            raise DataError(
                f"{len(labels):,} sessions, {int(labels.sum(dtype=np.int64)):,} of them purchases, "
                f"cannot be split with split.test_size {params.test_size}{most_asked}: the {name} "
                "rows would be of only one class"
            )
    return SplitRows(kept, new, len(test) - len(new), len(train) - len(kept))


def shuffled(
    labels: NDArray[np.int8], size: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Shuffle rows and deal them to two sides, each with the same share of purchases.

    These are the rows that `sklearn.model_selection.train_test_split` gives with ``stratify``, in
    their order, in a third of the memory: it holds lists of them.

    Parameters
    ----------
    labels
        The target of each row.
    size
        How many rows the second side gets.
    seed
        Of the shuffle.

    Returns
    -------
    tuple
        Positions of the rows of both sides.
    """
    generator = np.random.RandomState(seed)
    counts = np.bincount(labels, minlength=len(CLASSES))
    dealt: list[tuple[NDArray[np.int64], ...]] = []
    for label, ours in zip(
        CLASSES, _of_each_class(counts, len(labels) - size, generator), strict=True
    ):
        rows = np.flatnonzero(labels == label)
        generator.shuffle(rows)
        dealt.append((rows[:ours], rows[ours:]))
    first, second = (np.concatenate(side) for side in zip(*dealt, strict=True))
    for side in (first, second):
        generator.shuffle(side)
    return first, second


def _of_each_class(
    counts: NDArray[np.int64], size: int, generator: np.random.RandomState
) -> NDArray[np.int64]:
    """Share out `size` rows by the method of largest remainders; ties go by lot."""
    exact = counts / max(counts.sum(), 1) * size
    dealt = np.floor(exact)
    remainders = exact - dealt
    for remainder in np.unique(remainders)[::-1]:
        (tied,) = np.nonzero(remainders == remainder)
        if more := min(len(tied), int(size - dealt.sum())):
            dealt[generator.choice(tied, more, replace=False)] += 1
    found: NDArray[np.int64] = dealt.astype(np.int64)
    return found


def split_sessions(sessions: pd.DataFrame, params: "Split") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split typed sessions by `split_rows`; return training and test rows, with their index.

    Raises
    ------
    DataError
        Too few sessions of one class for the split.
    """
    labels = sessions[TARGET].to_numpy(np.int8)
    with HashFile.opened() as hashes:
        hashes.add(session_hashes(sessions))
        split = split_rows(first_rows(hashes, labels), labels, params)
    return sessions.iloc[split.train], sessions.iloc[split.test]
