"""A fitted candidate's explanation as one ONNX graph: contributions of the raw columns.

The contributions are those of `ecom.models.explanation`, computed without shap. For a leaf of value
v, whose path asks for the columns 1 to m, let o_i be 1 if the session satisfies every condition on
column i and else 0, and r_i the share of training rows that took the path at its splits on i. The
path-dependent game of Lundberg et al. (2020) is then v times the product of o_i over the columns
that are known and of r_i over the others. Its Shapley value is

    v (o_j - r_j) times the integral over t from 0 to 1 of the product over i != j of
    r_i + t (o_i - r_i),

the multilinear extension of Owen (1972). The integrand is a polynomial of degree m - 1, which the
Gauss-Legendre rule with ceil(m / 2) points integrates exactly. Leaves with an odd m ask one
question more, whose answer is always yes, so that those with as many points are written together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import ndonnx as ndx
import numpy as np
import spox.opset.ai.onnx.v21 as op
from numpy.typing import NDArray

from ecom.features import raw_shares
from ecom.models.averaging import probability_log_odds
from ecom.models.candidates import Explainer
from ecom.models.explanation import sources
from ecom.models.export import (
    Trees,
    arguments,
    log_odds_of,
    number,
    single_precision,
    symbolic_members,
    trees_of_boosting,
    trees_of_forest,
)
from ecom.schema import FEATURES

if TYPE_CHECKING:
    import onnx
    import pandas as pd
    from sklearn.pipeline import Pipeline
    from spox import Var

Matrix = NDArray[np.float64]


class Contributions(NamedTuple):
    """Log-odds without columns, and the contributions of the matrix's columns, (N, columns)."""

    base: float
    values: "Var"


class Path(NamedTuple):
    """What a leaf asks for.

    By column: a bound to either side, the share of training rows that follow, and whether a session
    follows whose value is missing.
    """

    value: float
    columns: list[int]
    above: list[float]
    at_most: list[float]
    shares: list[float]
    missing: list[bool]

    def padded(self, length: int) -> Self:
        """Return the same path with questions that every session answers, which change nothing."""
        more = length - len(self.columns)
        return type(self)(
            self.value,
            self.columns + [0] * more,
            self.above + [-np.inf] * more,
            self.at_most + [np.inf] * more,
            self.shares + [1.0] * more,
            self.missing + [True] * more,
        )


class Questions(NamedTuple):
    """What as many leaves ask, of shape (questions of a leaf, leaves): as of `Path`."""

    values: Matrix
    columns: NDArray[np.int64]
    above: Matrix
    at_most: Matrix
    shares: Matrix
    missing: NDArray[np.bool_]

    @classmethod
    def of(cls, paths: list[Path]) -> Self:
        """Put paths of the same length side by side."""
        values, *others = zip(*paths, strict=True)
        parts = [np.array(part).T for part in others]
        return cls(np.broadcast_to(values, parts[0].shape), *parts)


def export_explanation(
    candidate: str, model: "Pipeline", columns: Iterable[str], background: "pd.DataFrame"
) -> "onnx.ModelProto":
    """Write the explanation of a fitted candidate as an ONNX model.

    Parameters
    ----------
    candidate, model, columns
        As of `ecom.models.export.export`.
    background
        Raw sessions that the model was fitted to.

    Returns
    -------
    ModelProto
        Inputs as of `ecom.models.export.export`; outputs ``contributions``, float64 of shape (N,
        17), by raw column in the order of the schema, and ``base``, float64 of shape (1,).

    Raises
    ------
    ExportError
        The model has parts that nobody knows how to write.
    """
    inputs = arguments(columns)
    engineered = model["features"].transform(background)
    bases, parts = [], []
    for explainer, fitted, matrix, preprocess in symbolic_members(candidate, model, inputs):
        mean = preprocess.transform(engineered).astype(np.float64).mean(axis=0)
        base, values = EXPLANATIONS[explainer](fitted, matrix, mean)
        bases.append(base)
        parts.append(
            op.matmul(values, op.const(_shares([source.name for source in sources(preprocess)])))
        )
    contributions = op.div(op.sum(parts), number(len(parts)))
    outputs = {"contributions": contributions, "base": op.const(np.array([np.mean(bases)]))}
    return ndx.build(inputs, {name: ndx.asarray(var) for name, var in outputs.items()})


def _shares(names: list[str]) -> Matrix:
    """Return which share of each column's contribution goes to each raw column."""
    shares = np.zeros((len(names), len(FEATURES)))
    for row, name in enumerate(names):
        for raw, share in raw_shares(name).items():
            shares[row, FEATURES.index(raw)] = share
    return shares


def _linear(model: Any, matrix: "Var", mean: Matrix) -> Contributions:
    weights = model.coef_[0]
    values = op.mul(op.sub(matrix, op.const(mean)), op.const(weights))
    return Contributions(float(model.intercept_[0] + mean @ weights), values)


def _boosted_trees(model: Any, matrix: "Var", _: Matrix) -> Contributions:
    base, values = _tree_contributions(trees_of_boosting(model), matrix)
    return Contributions(base + model._baseline_prediction.item(), values)


def _forest(model: Any, matrix: "Var", _: Matrix) -> Contributions:
    trees = trees_of_forest(model)
    total, values = _tree_contributions(trees, single_precision(matrix))
    count = number(len(model.estimators_))
    base, shares = total / len(model.estimators_), op.div(values, count)
    # Each contribution keeps its share of the way from the base to the session.
    along = op.reduce_sum(shares, op.const(np.array([1])), keepdims=1)
    base_log_odds = float(probability_log_odds(np.array(base)))
    moved = op.sub(log_odds_of(op.add(along, number(base))), number(base_log_odds))
    still = op.equal(along, number(0))
    scale = op.where(still, number(0), op.div(moved, op.where(still, number(1), along)))
    return Contributions(base_log_odds, op.mul(shares, scale))


EXPLANATIONS: Final[Mapping[Explainer, Callable[[Any, "Var", Matrix], Contributions]]] = {
    "linear": _linear,
    "boosted_trees": _boosted_trees,
    "forest": _forest,
}


def _tree_contributions(trees: Trees, matrix: "Var") -> tuple[float, "Var"]:
    """Write the contributions of the matrix's columns to the sum of the leaves, and their base."""
    paths = [path for root in trees.roots for path in _paths(trees, root)]
    base = float(sum(path.value * np.prod(path.shares) for path in paths))
    by_points: dict[int, list[Path]] = {}
    for path in paths:
        points = -(-len(path.columns) // 2)
        if points:  # not of a tree of a single leaf
            by_points.setdefault(points, []).append(path.padded(2 * points))
    if not by_points:
        return base, op.mul(matrix, number(0))
    groups = [(points, Questions.of(same)) for points, same in sorted(by_points.items())]
    asked = Questions._make(
        np.concatenate([part.ravel() for part in parts])
        for parts in zip(*(group for _, group in groups), strict=True)
    )
    # The column of each question, for each session: ONNX Runtime gathers such a table faster.
    sessions = op.slice(op.shape(matrix), *(op.const(np.array([at])) for at in (0, 1)))
    size = op.concat([sessions, op.const(np.array([len(asked.columns)]))], axis=0)
    places = op.expand(op.const(asked.columns[None, :]), size)
    follows = op.cast(_follows(asked, op.gather_elements(matrix, places, axis=1)), to=np.float64)
    gain = op.sub(follows, op.const(asked.shares))
    integrals, begin = [], 0
    for points, group in groups:
        end = begin + group.shares.size
        part = op.slice(gain, *(op.const(np.array([at])) for at in (begin, end, 1)))
        integrals.append(_integrals(points, part, group.shares))
        begin = end
    contributions = op.mul(op.mul(gain, op.concat(integrals, axis=1)), op.const(asked.values))
    found = op.scatter_elements(
        op.expand(number(0), op.shape(matrix)),
        places,
        contributions,
        axis=1,
        reduction="add",
    )
    return base, found


def _follows(asked: Questions, given: "Var") -> "Var":
    """Write whether sessions follow questions of given values; both of shape (N, questions)."""
    within = op.and_(
        op.greater(given, op.const(asked.above)), op.less_or_equal(given, op.const(asked.at_most))
    )
    return op.or_(within, op.and_(op.isnan(given), op.const(asked.missing)))


def _integrals(points: int, gain: "Var", shares: Matrix) -> "Var":
    """Write the integrals of leaves that ask twice as many questions as the rule has points.

    Parameters
    ----------
    points
        Of the rule.
    gain
        o - r of each question, of shape (N, questions).
    shares
        r of each question, of shape (questions of a leaf, leaves).
    """
    nodes, weights = np.polynomial.legendre.leggauss(points)
    t, weights = (nodes + 1) / 2, weights / 2
    # Factors r + t (o - r), of shape (N, points, questions of a leaf, leaves): ONNX Runtime is fast
    # along a long last axis. None is 0, since 0 < t < 1.
    leaves = op.reshape(gain, op.const(np.array([-1, 1, *shares.shape])))
    factors = op.add(op.mul(leaves, op.const(t[:, None, None])), op.const(shares))
    product = op.reduce_prod(factors, op.const(np.array([2])), keepdims=1)
    weighted = op.mul(product, op.const(weights[:, None, None]))
    integrals = op.reduce_sum(op.div(weighted, factors), op.const(np.array([1])), keepdims=0)
    return op.reshape(integrals, op.const(np.array([-1, shares.size])))


def _paths(trees: Trees, root: int) -> Iterator[Path]:
    """Yield the path to each leaf of a tree."""
    waiting: list[tuple[int, dict[int, tuple[float, float, float, bool]]]] = [(root, {})]
    while waiting:
        node, asked = waiting.pop()
        if trees.is_leaf[node]:
            parts: list[Any] = [[of[part] for of in asked.values()] for part in range(4)]
            yield Path(float(trees.value[node]), list(asked), *parts)
            continue
        column, split = int(trees.feature[node]), float(trees.split[node])
        low, high, share, missing = asked.get(column, (-np.inf, np.inf, 1.0, True))
        left = bool(trees.missing_left[node])
        for child, bounds, follows in (
            (int(trees.left[node]), (low, min(high, split)), missing and left),
            (int(trees.right[node]), (max(low, split), high), missing and not left),
        ):
            followed = share * float(trees.cover[child] / trees.cover[node])
            waiting.append((child, {**asked, column: (*bounds, followed, follows)}))
