"""Whether a graph answers as the fitted model does, also where that is hardest: next to a split.

Random sessions hardly ever lie on a split of a tree, and so do not show what a graph in single
precision does there.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecom.digits import round_scores
from ecom.errors import ExportError
from ecom.features import add_features, raw_shares
from ecom.models.averaging import pipelines_in
from ecom.models.blocks import in_blocks
from ecom.models.candidates import members_of, single
from ecom.models.explanation import sources
from ecom.models.export import TREES
from ecom.schema import COLUMNS
from ecom.serving.manifest import TYPICAL

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

Floats = NDArray[np.float64]
# From raw sessions to the probability of a purchase, of shape (n,).
Score = Callable[[pd.DataFrame], Floats]

TOLERANCE: Final = 1e-12  # of a probability
UNKNOWN: Final = "Unknown"  # a category that the schema does not have
WHERE: Final = "where"  # the column that names what is special about a session
AT_BOUNDS: Final = (0.85, 0.1, 0.05)  # shares of values drawn between bounds, and at either
_BITS: Final = 64  # of a double: as many halvings find the neighbours of any bound
_KNOWN: Final = {column.name: column for column in COLUMNS}


def require_parity(
    name: str, model: "Pipeline", graph: Score, sessions: pd.DataFrame, threshold: float
) -> float:
    """Refuse a graph that differs from a model, or decides otherwise.

    Parameters
    ----------
    name
        Of the set of sessions, for messages.
    model
        Fitted.
    graph
        The same model as a graph.
    sessions
        Raw sessions; a column `where` says what is special about each.
    threshold
        From which rounded score on a session is flagged.

    Returns
    -------
    float
        The largest difference of a probability.

    Raises
    ------
    ExportError
        A probability differs by `TOLERANCE` or more, or is on the other side of the threshold. The
        message names the set and the sessions.
    """
    if sessions.empty:  # as those next to a split of a model without trees
        return 0.0
    raw = sessions.drop(columns=WHERE, errors="ignore")
    own, other = in_blocks(model.predict_proba, raw)[:, 1], in_blocks(graph, raw)
    gap = np.abs(own - other)
    sides = (round_scores(own) >= threshold) != (round_scores(other) >= threshold)
    wrong = np.flatnonzero(~(gap < TOLERANCE) | sides)
    if len(wrong):
        first = wrong[0]
        where = f" ({sessions[WHERE].iloc[first]})" if WHERE in sessions else ""
        raise ExportError(
            f"the graph differs from the model on {len(wrong)} of {len(sessions)} {name}, first in "
            f"row {sessions.index[first]}{where}: {other[first]!r} instead of {own[first]!r}; "
            f"expected less than {TOLERANCE:g}, and the same side of the threshold {threshold!r}"
        )
    return float(gap.max())


def sessions_of_schema(columns: Iterable[str], rows: int, seed: int) -> pd.DataFrame:
    """Draw sessions from all that the schema allows, and of categories that it does not have.

    Parameters
    ----------
    columns
        Raw columns wanted.
    rows
        How many sessions.
    seed
        Of the draw.
    """
    rng = np.random.default_rng(seed)
    return pd.DataFrame({name: _draw(name, rows, rng) for name in columns})


def typical_sessions(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return a typical session, one of each kind of visitor, and one with page values.

    A typical session has the lower medians and the most frequent categories.

    Parameters
    ----------
    sessions
        Raw sessions.

    Returns
    -------
    DataFrame
        With a column `where`.
    """
    groups = {TYPICAL: sessions}
    for visitor, group in sessions.groupby("VisitorType"):
        groups[f"{TYPICAL}: VisitorType is {visitor}"] = group
    if "PageValues" in sessions:
        groups[f"{TYPICAL}: PageValues is above 0"] = sessions[sessions["PageValues"] > 0]
    found = [
        {**_typical(group), WHERE: where} for where, group in groups.items() if not group.empty
    ]
    return pd.DataFrame(found)


def sessions_at_bounds(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return a typical session with one column at a bound, or in another category, at a time.

    Parameters
    ----------
    sessions
        Raw sessions.

    Returns
    -------
    DataFrame
        With a column `where`.
    """
    typical = _typical(sessions)
    found = []
    for name in map(str, sessions):
        column = _KNOWN[name]
        others: tuple[Any, ...] = (column.minimum, column.maximum)
        if column.type == "category":
            others = (*column.allowed, UNKNOWN)
        elif column.type == "boolean":
            others = (not typical[name],)
        found += [
            {**typical, name: value, WHERE: f"{name} is {value}"}
            for value in others
            if value != typical[name]
        ]
    return pd.DataFrame(found)


def _typical(sessions: pd.DataFrame) -> dict[str, Any]:
    return {
        str(name): values.quantile(interpolation="lower")
        if _is_number(str(name))
        else values.mode()[0]
        for name, values in sessions.items()
    }


def _draw(name: str, rows: int, rng: np.random.Generator) -> Any:
    column = _KNOWN[name]
    if column.type == "category":
        return rng.choice([*column.allowed, UNKNOWN], rows)
    if column.type == "boolean":
        return rng.choice([False, True], rows)
    # Bounds and magnitudes of all sizes: most of a uniform draw would be near the maximum.
    size = column.maximum - column.minimum
    values = column.minimum + size * 10 ** rng.uniform(-np.log10(size) - 6, 0, rows)
    at_bound = rng.choice(["", "low", "high"], rows, p=AT_BOUNDS)
    values = np.select(
        [at_bound == "low", at_bound == "high"], [column.minimum, column.maximum], values
    )
    return np.round(values) if column.type == "integer" else values


def sessions_on_splits(
    candidate: str, model: "Pipeline", sessions: pd.DataFrame, seed: int
) -> pd.DataFrame:
    """Return sessions on each split of the trees, and one representable number to either side.

    A split of an engineered column lies between two neighbouring values of a raw column; both are
    found by halving. The other columns are those of sessions drawn at random. A split that no
    value of one raw column crosses, such as one between two months, is left to other sessions.

    Parameters
    ----------
    candidate, model
        As of `ecom.models.export.export`.
    sessions
        Raw sessions to draw from, with the columns of the model's feature set.
    seed
        Of the draw.

    Returns
    -------
    DataFrame
        Three sessions for each split and each raw column that crosses it; `where` names both. Empty
        for a model without trees.
    """
    rng = np.random.default_rng(seed)
    found = []
    for name, splits in _splits(candidate, model).items():
        raws = [raw for raw in raw_shares(name) if _is_number(raw)]
        drawn = sessions.iloc[rng.integers(len(sessions), size=len(splits))].reset_index(drop=True)
        drawn = drawn.astype(dict.fromkeys(raws, float))
        # Where the other columns alone go beyond the split, they are at their minimum.
        lowest = drawn.assign(**{raw: float(_KNOWN[raw].minimum) for raw in raws})
        crossed = np.zeros(len(splits), bool)
        for context in (drawn, lowest):
            left = ~crossed
            for raw in raws:
                on, crosses = _crossing(name, raw, context, splits)
                for values in (np.nextafter(on, -np.inf), on, np.nextafter(on, np.inf)):
                    beside = context.assign(**{raw: np.maximum(values, _KNOWN[raw].minimum)})
                    beside[WHERE] = [
                        f"{name} next to {split!r}, by {raw}" for split in splits.tolist()
                    ]
                    found.append(beside[crosses & left])
                crossed |= crosses
    return pd.concat(found, ignore_index=True) if found else sessions.head(0).assign(**{WHERE: ""})


def _is_number(raw: str) -> bool:
    return _KNOWN[raw].type in ("integer", "number")


def _crossing(
    name: str, raw: str, sessions: pd.DataFrame, splits: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the last value of a raw column on the near side of each split, and if there is one."""
    others = {str(column): sessions[column].to_numpy() for column in sessions}

    def reached(values: Floats) -> NDArray[np.bool_]:
        """Tell whether the engineered column is at most the split."""
        session = {**others, raw: values}
        column = session[name] if name in session else add_features(session, [name])[name]
        return np.asarray(column) <= splits

    # Doubles that are not negative are ordered as the integers of the same bits.
    low = np.full(len(splits), _KNOWN[raw].minimum, np.float64)
    high = np.full(len(splits), _KNOWN[raw].maximum, np.float64)
    near = reached(low)
    crosses = near != reached(high)
    for _ in range(_BITS):
        below = low.view(np.int64)
        middle = (below + (high.view(np.int64) - below) // 2).view(np.float64)
        same = reached(middle) == near
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return low, crosses


def _splits(candidate: str, model: "Pipeline") -> dict[str, Floats]:
    """Return the splits of all trees of a candidate, by the column that they ask for."""
    found: dict[str, set[float]] = {}
    for name, member in zip(members_of(candidate), pipelines_in(model), strict=True):
        explainer = single(name).explainer
        if explainer not in TREES:
            continue
        trees = TREES[explainer](member["model"])
        inner = ~trees.is_leaf.astype(bool)
        asked = sources(member["preprocess"])
        for feature, split in zip(
            trees.feature[inner].tolist(), trees.split[inner].tolist(), strict=True
        ):
            if not asked[feature].as_it_is:
                raise ExportError(
                    "a tree asks for an encoded or scaled column, so no session is known to lie on "
                    "its split. Pass the columns on as they are, as pass_columns does"
                )
            found.setdefault(asked[feature].name, set()).add(split)
    return {name: np.array(sorted(splits)) for name, splits in found.items()}
