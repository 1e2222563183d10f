"""Engineered columns: stateless, and the same code for training and for serving."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, overload

if TYPE_CHECKING:
    import pandas as pd

ENGINEERED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "TotalPages": lambda session: (
        session["Administrative"] + session["Informational"] + session["ProductRelated"]
    ),
    "TotalDuration": lambda session: (
        session["Administrative_Duration"]
        + session["Informational_Duration"]
        + session["ProductRelated_Duration"]
    ),
    "DurationPerPage": lambda session: session["TotalDuration"] / (session["TotalPages"] + 1),
}


@overload
def add_features(sessions: "pd.DataFrame") -> "pd.DataFrame": ...
@overload
def add_features(sessions: Mapping[str, Any]) -> dict[str, Any]: ...
def add_features(
    sessions: "pd.DataFrame | Mapping[str, Any]",
) -> "pd.DataFrame | dict[str, Any]":
    """Add the columns of `ENGINEERED` to raw sessions.

    Parameters
    ----------
    sessions
        A frame, or a mapping of names to arrays or numbers, with the columns of
        `ecom.schema.FEATURES`. It is not changed. Engineered columns that are already there
        are computed anew.

    Returns
    -------
    DataFrame or dict
        The same kind as `sessions`: its columns, then those of `ENGINEERED`.

    Examples
    --------
    >>> session = {
    ...     "Administrative": 1, "Informational": 0, "ProductRelated": 2,
    ...     "Administrative_Duration": 10.0, "Informational_Duration": 0.0,
    ...     "ProductRelated_Duration": 30.0,
    ... }
    >>> add_features(session)["DurationPerPage"]
    10.0
    """
    if not isinstance(sessions, Mapping):
        return sessions.assign(**ENGINEERED)
    columns = dict(sessions)
    for name, formula in ENGINEERED.items():
        columns[name] = formula(columns)
    return columns
