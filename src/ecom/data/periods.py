"""When sessions were: by the month that they name, or by the file that they came in."""

import numpy as np
import pandas as pd

from ecom.data.parts import Parts
from ecom.errors import DataError
from ecom.schema import MONTHS


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


def periods_of(months: "pd.Series[str]", parts: "pd.Series[str]") -> "pd.Series[str]":
    """Return the period of each session, as ordered categories: only those that occur.

    Months of a year come in their order. They say nothing of the year, so that sessions of several
    files are ordered by file instead, such as 2026-01.csv and 2026-02.csv.

    Parameters
    ----------
    months, parts
        Of each session, its month and the file that it came in.

    Examples
    --------
    >>> months, one = pd.Series(["Nov", "Feb", "Nov"]), pd.Series(["all"] * 3)
    >>> list(periods_of(months, one).cat.categories)
    ['Feb', 'Nov']
    >>> several = pd.Series(["2025-11", "2026-02", "2026-11"])
    >>> list(periods_of(months, several).cat.categories)
    ['2025-11', '2026-02', '2026-11']
    """
    named, order = (months, MONTHS) if len(set(parts)) == 1 else (parts, tuple(parts.unique()))
    held = set(named)
    dtype = pd.CategoricalDtype([name for name in order if name in held], ordered=True)
    ordered: pd.Series[str] = named.astype(dtype)  # type: ignore[assignment]  # texts, all the same
    return ordered
