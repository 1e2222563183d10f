"""When sessions were: by the month that they name, or by the file that they came in."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecom.data.parts import Parts
from ecom.errors import DataError
from ecom.schema import MONTHS

ONE_MONTH: Final = 0.9  # of a file's sessions: a few may be of the month before or after


def parts_of_rows(parts: Parts, index: pd.Index) -> "pd.Series[str]":
    """Return the file of raw rows, by their numbers.

    Raises
    ------
    DataError
        The files hold fewer rows.
    """
    if len(parts.names) == 1:
        return pd.Series(parts.names[0], index=index, dtype=object)
    ends = np.cumsum(parts.rows)
    if len(index) and index.max() >= ends[-1]:
        raise DataError(
            f"the files that the raw data was put together from hold {ends[-1]:,} rows; "
            f"expected more than {index.max():,}: run `dvc repro --force fetch`"
        )
    names = np.array(parts.names, object)
    return pd.Series(names[np.searchsorted(ends, index, side="right")], index=index, dtype=object)


def periods_of(
    months: "pd.Series[str]", parts: "pd.Series[str]", files: Sequence[str]
) -> "pd.Series[str]":
    """Return the period of each session, as ordered categories: only those that occur.

    Months of a year come in their order. They say nothing of the year, so that sessions of several
    files are ordered by file first, such as 2026-01.csv and 2026-02.csv. A file that holds several
    months is a period for each of them.

    Parameters
    ----------
    months, parts
        Of each session, its month and the file that it came in.
    files
        All files, in order of time: the sessions may be in any order.

    Examples
    --------
    >>> months = pd.Series(["Nov", "Feb", "Nov"])
    >>> list(periods_of(months, pd.Series(["all"] * 3), ["all"]).cat.categories)
    ['Feb', 'Nov']
    >>> parts, files = pd.Series(["2026-11", "old", "old"]), ["old", "2026-11"]
    >>> list(periods_of(months, parts, files).cat.categories)
    ['old Feb', 'old Nov', '2026-11']
    """
    pairs = file_months(months, parts, files)
    known = pairs >= 0
    names = period_names(np.bincount(pairs[known], minlength=len(set(files)) * len(MONTHS)), files)
    order = list(dict.fromkeys(name for name in names if name is not None))
    place_of = np.array([-1 if name is None else order.index(name) for name in names])
    codes = np.where(known, place_of[pairs], -1)
    ordered = pd.Categorical.from_codes(codes, order, ordered=True)  # type: ignore[call-overload]
    return pd.Series(ordered, index=months.index)


def file_months(
    months: "pd.Series[str]", parts: "pd.Series[str]", files: Sequence[str]
) -> NDArray[np.int64]:
    """Return a number for file and month of each session, in order of time; -1 for neither.

    Parameters
    ----------
    months, parts, files
        As of `periods_of`.
    """
    file_codes = pd.Index(dict.fromkeys(files), dtype=object).get_indexer(pd.Index(parts))
    month_codes = pd.Index(MONTHS, dtype=object).get_indexer(pd.Index(months))
    known = (file_codes >= 0) & (month_codes >= 0)
    return np.where(known, file_codes * len(MONTHS) + month_codes, -1)


def period_names(counts: NDArray[np.int64], files: Sequence[str]) -> list[str | None]:
    """Return the period of each number of `file_months`; None where there are no sessions.

    Parameters
    ----------
    counts
        Sessions of each number.
    files
        As of `periods_of`.
    """
    by_file = counts.reshape(-1, len(MONTHS))
    several = by_file.max(axis=1) < ONE_MONTH * by_file.sum(axis=1)
    names = [
        month if len(by_file) == 1 else f"{file} {month}" if is_mixed else file
        for file, is_mixed in zip(dict.fromkeys(files), several, strict=True)
        for month in MONTHS
    ]
    return [name if count else None for name, count in zip(names, counts, strict=True)]
