"""From text cells to typed sessions."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecom.data.identity import keys_of, session_hashes
from ecom.data.repeats import HashFile, places, repeats
from ecom.schema import BOOLEANS, COLUMNS, TARGET

if TYPE_CHECKING:
    from ecom.params.clean import Clean


def to_types(table: pd.DataFrame) -> pd.DataFrame:
    """Give validated text cells the types of the schema.

    Parameters
    ----------
    table
        Text cells from `ecom.data.parsing.parse_csv`, or some of their columns, in which validation
        found no problem.

    Returns
    -------
    DataFrame of the same shape
        ``integer`` and ``boolean`` columns (1 for TRUE) as int64, ``number`` columns as float64,
        ``category`` columns as text.
    """
    typed: dict[str, pd.Series] = {}
    for column in (column for column in COLUMNS if column.name in table):
        cells = table[column.name]
        if column.type == "boolean":
            typed[column.name] = cells.str.lower().map(BOOLEANS).astype("int64")
        elif column.type == "integer":
            typed[column.name] = pd.to_numeric(cells).astype("int64")
        elif column.type == "number":
            typed[column.name] = pd.to_numeric(cells).astype("float64") + 0.0  # -0 is 0
        else:
            typed[column.name] = cells
    return pd.DataFrame(typed)


class Known(NamedTuple):
    """What tells the valid rows of a file apart.

    Attributes
    ----------
    hashes
        Of each session.
    place : array of shape (n,)
        How many sessions before it have the same hash.
    repeats : array of shape (n,)
        Whether a row repeats an earlier one in every column.
    """

    hashes: HashFile
    place: NDArray[np.int32]
    repeats: NDArray[np.bool_]


def tell_apart(tables: Iterable[pd.DataFrame], hashes: HashFile) -> Known:
    """Look at all valid rows of a file, some at a time.

    Parameters
    ----------
    tables
        Text cells from `ecom.data.parsing.read_chunks`, in which validation found no problem.
    hashes
        Empty; the hash of each session is added.
    """
    labels = []
    for table in tables:
        typed = to_types(table)
        hashes.add(session_hashes(typed))
        labels.append(typed[TARGET].to_numpy(np.int8))
    return Known(hashes, places(hashes), repeats(hashes, np.concatenate(labels)))


def cleaned(
    tables: Iterable[pd.DataFrame], known: Known, params: "Clean"
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Yield typed sessions; if params.yaml says so, without rows that repeat an earlier one.

    Parameters
    ----------
    tables
        The same rows again.
    known
        From `tell_apart`.
    params
        Section of params.yaml.

    Yields
    ------
    tuple
        Sessions, and their keys: ``row``, the number among all that are kept, and ``session``, as
        `ecom.data.identity.session_keys` names it. The index of both is the row's number in the
        file.
    """
    begin = row = 0
    all_kept = ~known.repeats | (not params.drop_duplicates)
    for table in tables:
        end = begin + len(table)
        kept = all_kept[begin:end]
        sessions = to_types(table[kept])
        keys = keys_of(known.hashes.read(begin, end)[kept], known.place[begin:end][kept])
        numbers = range(row, row + len(sessions))
        yield sessions, pd.DataFrame({"row": numbers, "session": keys}, index=sessions.index)
        begin, row = end, row + len(sessions)
