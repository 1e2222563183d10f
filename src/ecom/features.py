"""Engineered columns: stateless, and the same code for training and for serving.

The logarithms of counts, durations and rates are shifted and divided by round numbers, so that
usual sessions lie near 0 and about 1 apart. One penalty then treats their products alike, without a
scaling that would have to be fitted.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, overload

import numpy as np

from ecom.schema import FEATURE_SETS, FEATURES, MONTHS, VISITOR_TYPES, FeatureSet

if TYPE_CHECKING:
    import pandas as pd

Formula = Callable[[Mapping[str, Any]], Any]

TOTALS: Final[Mapping[str, Formula]] = {
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


@dataclass(frozen=True)
class OfOne:
    """The formula of a column that is made of one other: of each of its values alone.

    Attributes
    ----------
    name
        Of the other column.
    function
        Takes its values and `parameters`.
    parameters
        Numbers or texts. Of several columns with the same function, `ecom.models.export` passes
        arrays instead, of shape (columns, 1), with values of shape (columns, n).
    """

    name: str
    function: Callable[..., Any]
    parameters: tuple[float | str, ...]

    def __call__(self, session: Mapping[str, Any]) -> Any:
        """Return the function of the other column's values."""
        return self.function(session[self.name], *self.parameters)


def _log(name: str, shift: float, unit: float, offset: float = 1) -> Formula:
    return OfOne(name, _scaled_logarithm, (float(shift), float(unit), float(offset)))


def _scaled_logarithm(values: Any, shift: Any, unit: Any, offset: Any) -> Any:
    return (_logarithm(values + offset) - shift) / unit


def _logarithm(values: Any) -> Any:
    """Return the logarithm of a number, or of an array of any kind that follows the standard."""
    namespace = getattr(values, "__array_namespace__", lambda: np)()
    return namespace.log(values)


def _scaled(name: str, shift: float, unit: float) -> Formula:
    return OfOne(name, _shifted_and_divided, (float(shift), float(unit)))


def _shifted_and_divided(values: Any, shift: Any, unit: Any) -> Any:
    return (values - shift) / unit


def _equals(name: str, value: str | float) -> Formula:
    return OfOne(name, _is_equal, (value if isinstance(value, str) else float(value),))


def _is_equal(values: Any, value: Any) -> Any:
    return (values == value) * 1.0


def _above(name: str, bound: float) -> Formula:
    return OfOne(name, _is_above, (float(bound),))


def _is_above(values: Any, bound: Any) -> Any:
    return (values > bound) * 1.0


@dataclass(frozen=True)
class Product:
    """The formula of a product of other columns."""

    factors: tuple[str, ...]

    def __call__(self, session: Mapping[str, Any]) -> Any:
        """Return the product of the factors' values."""
        return math.prod(session[name] for name in self.factors)


@dataclass(frozen=True)
class WeightedSum:
    """The formula of a sum of other columns, each times a weight."""

    weights: tuple[tuple[str, float], ...]

    def __call__(self, session: Mapping[str, Any]) -> Any:
        """Return the weighted sum of the columns' values."""
        return sum(session[name] * weight for name, weight in self.weights)


def _position(name: str, allowed: tuple[str, ...]) -> WeightedSum:
    """Return the position of a value among those allowed, from 1; 0 for any other value."""
    places = enumerate(allowed, start=1)
    return WeightedSum(tuple((f"{name}={value}", float(place)) for place, value in places))


def _products(*factors: tuple[str, ...]) -> dict[str, Formula]:
    """Return the products of every combination of one column from each factor."""
    combinations: list[tuple[str, ...]] = [()]
    for names in factors:
        combinations = [(*begun, name) for begun in combinations for name in names]
    return {" * ".join(names): Product(names) for names in combinations}


RATIOS: Final[Mapping[str, Formula]] = {
    "ProductDurationPerPage": lambda session: (
        session["ProductRelated_Duration"] / (session["ProductRelated"] + 1)
    ),
    "AdministrativeDurationPerPage": lambda session: (
        session["Administrative_Duration"] / (session["Administrative"] + 1)
    ),
    "ExitMinusBounce": lambda session: session["ExitRates"] - session["BounceRates"],
    "PageValues * TotalPages": Product(("PageValues", "TotalPages")),
    "ProductShare": lambda session: session["ProductRelated"] / (session["TotalPages"] + 1),
    "MonthNumber": _position("Month", MONTHS),
    "VisitorTypeNumber": _position("VisitorType", VISITOR_TYPES),
}

PATTERNS: Final[Mapping[str, Formula]] = {
    "log(Administrative)": _log("Administrative", 1, 1),
    "log(Informational)": _log("Informational", 0.3, 0.5),
    "log(ProductRelated)": _log("ProductRelated", 3, 1),
    "log(Administrative_Duration)": _log("Administrative_Duration", 2.5, 2.5),
    "log(Informational_Duration)": _log("Informational_Duration", 1, 2),
    "log(ProductRelated_Duration)": _log("ProductRelated_Duration", 6, 2),
    "log(TotalPages)": _log("TotalPages", 3, 1),
    "log(TotalDuration)": _log("TotalDuration", 6, 2),
    "log(DurationPerPage)": _log("DurationPerPage", 3, 1),
    "log(ProductDurationPerPage)": _log("ProductDurationPerPage", 3, 1),
    "log(ExitRates)": _log("ExitRates", -3.5, 0.7, offset=1e-3),
    "log(BounceRates)": _log("BounceRates", -5.5, 1.3, offset=1e-3),
    "scaled(ExitRates)": _scaled("ExitRates", 0.04, 0.05),
    "scaled(BounceRates)": _scaled("BounceRates", 0.02, 0.05),
    "BounceRates=0": _equals("BounceRates", 0),
    "Administrative>0": _above("Administrative", 0),
    "Informational>0": _above("Informational", 0),
    "ProductRelated>1": _above("ProductRelated", 1),
    "ExitRates>0.199": _above("ExitRates", 0.199),
    "ProductRelated_Duration>0": _above("ProductRelated_Duration", 0),
    "SpecialDay>0": _above("SpecialDay", 0),
}
MONTH_FLAGS: Final = {f"Month={month}": _equals("Month", month) for month in MONTHS}
VISITOR_FLAGS: Final = {
    f"VisitorType={kind}": _equals("VisitorType", kind) for kind in VISITOR_TYPES
}
PLAIN: Final = ("SpecialDay", "Weekend")
VALUED: Final = "PageValues>0"
IN_DETAIL: Final = (
    "log(ProductRelated)",
    "log(ProductRelated_Duration)",
    "log(ExitRates)",
    "BounceRates=0",
    "log(Administrative)",
)
INTERACTIONS: Final[Mapping[str, Formula]] = {
    **PATTERNS,
    **MONTH_FLAGS,
    **VISITOR_FLAGS,
    VALUED: _above("PageValues", 0),
    "log(PageValues)": _log("PageValues", 0, 1),
    **_products((VALUED,), (*PATTERNS, *PLAIN, *MONTH_FLAGS, *VISITOR_FLAGS)),
    **_products((VALUED,), (*MONTH_FLAGS, *VISITOR_FLAGS), IN_DETAIL),
}

ENGINEERED: Final[Mapping[str, Formula]] = {**TOTALS, **RATIOS, **INTERACTIONS}


class _Columns(dict[str, Any]):
    """Raw columns by name; an engineered column is computed when it is first asked for."""

    def __missing__(self, name: str) -> Any:
        value = self[name] = ENGINEERED[name](self)
        return value


class _Recorder(dict[str, Any]):
    """A stand-in for a session that records which raw columns a formula asks for."""

    def __missing__(self, name: str) -> Any:
        if name in ENGINEERED:
            return ENGINEERED[name](self)
        self[name] = 1.0
        return self[name]


@overload
def add_features(sessions: "pd.DataFrame", columns: Iterable[str] = ...) -> "pd.DataFrame": ...
@overload
def add_features(sessions: Mapping[str, Any], columns: Iterable[str] = ...) -> dict[str, Any]: ...
def add_features(
    sessions: "pd.DataFrame | Mapping[str, Any]", columns: Iterable[str] = tuple(TOTALS)
) -> "pd.DataFrame | dict[str, Any]":
    """Add engineered columns to raw sessions.

    Parameters
    ----------
    sessions
        A frame, or a mapping of names to arrays or numbers, with the raw columns that the
        engineered ones are made of. It is not changed. Arrays may be of any kind that follows the
        Array API standard, symbolic ones as well: `ecom.models.export` traces the formulas so.
    columns
        Names from `ENGINEERED`. Columns that `sessions` has already are computed again.

    Returns
    -------
    DataFrame or dict
        Of the same kind as `sessions`: its columns, then `columns`.

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
    names = tuple(columns)
    raw = [str(name) for name in sessions if name not in ENGINEERED]
    if isinstance(sessions, Mapping):
        values = _Columns({name: sessions[name] for name in raw})
        return {**sessions, **{name: values[name] for name in names}}
    import pandas as pd

    values = _Columns({name: sessions[name].to_numpy() for name in raw})
    kept = sessions.drop(columns=[name for name in names if name in sessions])
    added = pd.DataFrame({name: values[name] for name in names}, index=sessions.index)
    return pd.concat([kept, added], axis=1)


def raw_shares(name: str) -> dict[str, float]:
    """Return the raw columns that a column is made of, each with its share.

    The factors of a product have equal shares, and so have the raw columns of any other formula.

    Examples
    --------
    >>> raw_shares("PageValues>0 * Month=Nov")
    {'PageValues': 0.5, 'Month': 0.5}
    >>> raw_shares("ExitMinusBounce")
    {'BounceRates': 0.5, 'ExitRates': 0.5}
    """
    if name in FEATURES:
        return {name: 1.0}
    formula = ENGINEERED[name]
    if isinstance(formula, Product):
        shares: dict[str, float] = {}
        for factor in formula.factors:
            for raw, share in raw_shares(factor).items():
                shares[raw] = shares.get(raw, 0.0) + share / len(formula.factors)
        return shares
    recorder = _Recorder()
    formula(recorder)
    return dict.fromkeys(sorted(recorder), 1 / len(recorder))


def known_columns(columns: Iterable[str], feature_set: FeatureSet) -> list[str]:
    """Return the `columns` that are made of nothing but the raw columns of a feature set."""
    known = set(FEATURE_SETS[feature_set])
    return [name for name in columns if known.issuperset(raw_shares(name))]
