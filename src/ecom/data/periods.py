"""When sessions were: by the month that they name, or by the file that they came in."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

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
    names = np.repeat(np.array(parts.names, object), parts.rows)
    if len(index) and index.max() >= len(names):
        raise DataError(
            f"the files that the raw data was put together from hold {len(names):,} rows; "
            f"expected more than {index.max():,}: run `dvc repro --force fetch`"
        )
    return pd.Series(names[index], index=index, dtype=object)


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
    several = {
        file
        for file, own in months.groupby(parts, sort=False)
        if own.value_counts(normalize=True).iloc[0] < ONE_MONTH
    }
    names: dict[tuple[str, str], str] = {
        (file, month): month if len(files) == 1 else f"{file} {month}" if file in several else file
        for file in files
        for month in MONTHS
    }
    pairs = list(zip(parts, months, strict=True))
    held = set(pairs)
    order = dict.fromkeys(name for pair, name in names.items() if pair in held)
    called: list[Any] = [names.get(pair) for pair in pairs]
    found = pd.Series(called, index=months.index, dtype=object)
    ordered: pd.Series[str] = found.astype(pd.CategoricalDtype(list(order), ordered=True))  # type: ignore[assignment]
    return ordered
