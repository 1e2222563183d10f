"""A fitted candidate as one ONNX graph, from raw columns to the probability of a purchase.

The formulas of the engineered columns are traced: `ecom.features.add_features` is called with
symbolic columns. What was fitted is written operator by operator, in double precision throughout:
in single precision, sessions next to a split of a tree change their leaf.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import ndonnx as ndx
import numpy as np
import spox.opset.ai.onnx.ml.v5 as ml
import spox.opset.ai.onnx.v21 as op

from ecom.errors import ExportError
from ecom.features import ENGINEERED, OfOne, Product, WeightedSum, add_features
from ecom.models.averaging import CERTAIN, pipelines_in
from ecom.models.candidates import Explainer, members_of, single
from ecom.schema import CATEGORICAL

if TYPE_CHECKING:
    import onnx
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline
    from spox import Var

# What a node of scikit-learn's boosted trees is made of; another layout needs another writer.
BOOSTED_NODE: Final = (
    "value",
    "count",
    "feature_idx",
    "num_threshold",
    "missing_go_to_left",
    "left",
    "right",
    "gain",
    "depth",
    "is_leaf",
    "bin_threshold",
    "is_categorical",
    "bitset_idx",
)


# Parameters of preprocessing steps that are written with this value alone.
WRITTEN_WITH: Final[Mapping[str, Mapping[str, Any]]] = {
    "OneHotEncoder": {"drop": None, "min_frequency": None, "max_categories": None},
    "StandardScaler": {"with_mean": True, "with_std": True},
}


class Answer(NamedTuple):
    """What a model answers, symbolically.

    Its log-odds are `log_odds`, of shape (N, 1), plus `offset`. `probability`, of the same shape,
    is None where it is that of the log-odds.
    """

    log_odds: "Var"
    offset: float = 0.0
    probability: "Var | None" = None


class Trees(NamedTuple):
    """The nodes of several trees, one after the other; children are named by their position.

    A session goes to the left child if its value is at most the node's split. `cover` is the weight
    of the training rows that reached a node.
    """

    feature: Any
    split: Any
    left: Any
    right: Any
    missing_left: Any
    is_leaf: Any
    value: Any
    cover: Any
    roots: list[int]


def export(candidate: str, model: "Pipeline", columns: Iterable[str]) -> "onnx.ModelProto":
    """Write a fitted candidate as an ONNX model.

    Parameters
    ----------
    candidate
        Name in `ecom.models.candidates.CANDIDATES`.
    model
        Fitted, from `ecom.models.pipelines.build_pipeline`.
    columns
        Raw columns that become inputs: those of the model's feature set.

    Returns
    -------
    ModelProto
        Inputs named as the raw columns, each of shape (N,): text for categories, float64 for the
        rest; outputs ``log_odds`` and ``probability``, float64 of shape (N,).

    Raises
    ------
    ExportError
        The model has parts that this module does not know how to write.
    """
    inputs = arguments(columns)
    answers = [
        EXPORTERS[explainer](fitted, matrix)
        for explainer, fitted, matrix, _ in symbolic_members(candidate, model, inputs)
    ]
    log_odds = op.sum(
        [*(each.log_odds for each in answers), number(sum(each.offset for each in answers))]
    )
    probability = answers[0].probability
    if len(answers) > 1:
        log_odds, probability = op.div(log_odds, number(len(answers))), None
    outputs = {
        "log_odds": log_odds,
        "probability": op.sigmoid(log_odds) if probability is None else probability,
    }
    return ndx.build(inputs, {name: ndx.asarray(_vector(var)) for name, var in outputs.items()})


def arguments(columns: Iterable[str]) -> dict[str, ndx.Array]:
    """Return the inputs of a graph: a vector for each raw column."""
    return {
        name: ndx.argument(shape=("N",), dtype=ndx.utf8 if name in CATEGORICAL else ndx.float64)
        for name in columns
    }


def symbolic_members(
    candidate: str, model: "Pipeline", inputs: Mapping[str, ndx.Array]
) -> "list[tuple[Explainer, Any, Var, ColumnTransformer]]":
    """Return what a candidate averages: how it is explained, its model, its matrix and its step.

    Parameters
    ----------
    candidate, model
        As of `export`.
    inputs
        From `arguments`.
    """
    rows = _Rows(inputs, model["features"].kw_args["columns"])
    return [
        (
            single(name).explainer,
            member["model"],
            _matrix(member["preprocess"], rows),
            member["preprocess"],
        )
        for name, member in zip(members_of(candidate), pipelines_in(model), strict=True)
    ]


class _Rows:
    """Columns of sessions as the rows of a matrix; formulas of one kind are written all at once.

    A regression has a hundred products: an operator for each would cost far more than the product.

    Parameters
    ----------
    inputs
        From `arguments`.
    engineered
        Names of the columns to compute beside them.
    """

    def __init__(self, inputs: Mapping[str, ndx.Array], engineered: Iterable[str]) -> None:
        products = {name: factors for name in engineered if (factors := _factors(name))}
        sums = {
            name: formula.weights
            for name in engineered
            if isinstance(formula := ENGINEERED[name], WeightedSum)
        }
        terms = (term for weights in sums.values() for term, _ in weights)
        names = {*engineered, *chain(*products.values()), *terms} - products.keys() - sums.keys()
        alike = _alike(sorted(names & ENGINEERED.keys()))
        of_one = {name: formula for group in alike for name, formula in group.items()}
        others = names - of_one.keys() | {formula.name for formula in of_one.values()}
        self._vectors: dict[str, ndx.Array] = add_features(
            inputs, sorted(others & ENGINEERED.keys())
        )
        numbers = [name for name in self._vectors if name not in CATEGORICAL]
        self._names = numbers
        self._rows = _stacked([self._vectors[name] for name in numbers])
        self._add({tuple(group): self._of_one(list(group.values())) for group in alike})
        if sums:
            self._add({tuple(sums): self._sums(list(sums.values()))})
        by_length = sorted(products, key=lambda name: len(products[name]))
        same_length = [
            list(same) for _, same in groupby(by_length, lambda name: len(products[name]))
        ]
        self._add(
            {tuple(same): self._product([products[name] for name in same]) for same in same_length}
        )

    def matrix(self, columns: Sequence[str | ndx.Array]) -> "Var":
        """Write columns, by name or as vectors of shape (N,), as a matrix of shape (N, columns)."""
        own = [column for column in columns if not isinstance(column, str)]
        rows = op.concat([self._rows, _stacked(own)], axis=0) if own else self._rows
        places = iter(range(len(self._names), len(self._names) + len(own)))
        order = [
            self._names.index(column) if isinstance(column, str) else next(places)
            for column in columns
        ]
        return op.transpose(op.gather(rows, op.const(np.array(order)), axis=0))

    def vector(self, name: str) -> ndx.Array:
        """Return a column, of shape (N,)."""
        if name in self._vectors:
            return self._vectors[name]
        return ndx.asarray(op.squeeze(self._named([name]), op.const(np.array([0]))))

    def _add(self, parts: Mapping[tuple[str, ...], "Var"]) -> None:
        if parts:
            self._names = [*self._names, *chain(*parts)]
            self._rows = op.concat([self._rows, *parts.values()], axis=0)

    def _named(self, names: Sequence[str]) -> "Var":
        places = [self._names.index(name) for name in names]
        return op.gather(self._rows, op.const(np.array(places)), axis=0)

    def _of_one(self, formulas: Sequence[OfOne]) -> "Var":
        """Write formulas that `_alike` put together."""
        first = formulas[0]
        if first.name in CATEGORICAL:
            values = self._vectors[first.name].unwrap_spox()
        else:
            values = self._named([formula.name for formula in formulas])
        parameters = (
            ndx.asarray(np.array(column)[:, None])
            for column in zip(*(formula.parameters for formula in formulas), strict=True)
        )
        found: ndx.Array = first.function(ndx.asarray(values), *parameters)
        return found.unwrap_spox()

    def _sums(self, weights: Sequence[Sequence[tuple[str, float]]]) -> "Var":
        """Write weighted sums."""
        terms = sorted({name for each in weights for name, _ in each})
        table = np.zeros((len(weights), len(terms)))
        for row, each in enumerate(weights):
            for name, weight in each:
                table[row, terms.index(name)] = weight
        return op.matmul(op.const(table), self._named(terms))

    def _product(self, factors: Sequence[tuple[str, ...]]) -> "Var":
        """Write products of as many factors."""
        first, *others = (self._named(names) for names in zip(*factors, strict=True))
        return reduce(op.mul, others, first)


def _alike(names: Iterable[str]) -> list[dict[str, OfOne]]:
    """Group the columns that are made of one other by the same function, and by the same text."""
    groups: dict[Any, dict[str, OfOne]] = {}
    for name in names:
        formula = ENGINEERED[name]
        if isinstance(formula, OfOne):
            text = formula.name if formula.name in CATEGORICAL else None
            groups.setdefault((formula.function, text), {})[name] = formula
    return list(groups.values())


def _factors(name: str) -> tuple[str, ...]:
    """Return the factors of a product, unless there is a product among them; else none."""
    formula = ENGINEERED.get(name)
    if not isinstance(formula, Product):
        return ()
    nested = any(isinstance(ENGINEERED.get(factor), Product) for factor in formula.factors)
    return () if nested else formula.factors


def _stacked(vectors: Sequence[ndx.Array]) -> "Var":
    """Write vectors of shape (N,) as the rows of a matrix."""
    joined = op.concat([vector.unwrap_spox() for vector in vectors], axis=0)
    return op.reshape(joined, op.const(np.array([len(vectors), -1])))


def _matrix(preprocess: "ColumnTransformer", rows: _Rows) -> "Var":
    """Write what a ColumnTransformer makes of sessions, as a matrix of shape (N, columns)."""
    _require_written(preprocess)
    columns: list[str | ndx.Array] = []
    for _, step, names in (each for each in preprocess.transformers_ if len(each[2])):
        kind = step if isinstance(step, str) else type(step).__name__
        if kind == "OneHotEncoder":
            for name, levels in zip(names, step.categories_, strict=True):
                values = rows.vector(name)
                columns += [(values == str(level)).astype(ndx.float64) for level in levels]
        elif kind == "StandardScaler":
            for name, mean, scale in zip(names, step.mean_, step.scale_, strict=True):
                columns.append((rows.vector(name) - float(mean)) / float(scale))
        elif kind == "FunctionTransformer" and step.func is None:  # passes columns on
            columns += names
        elif kind != "drop":
            raise ExportError(
                f"the preprocessing step {kind} has no writer: add one to ecom.models.export"
            )
    return rows.matrix(columns)


def _require_written(preprocess: "ColumnTransformer") -> None:
    """Refuse parameters that `_matrix` does not write."""
    if preprocess.transformer_weights:
        raise ExportError("weights of preprocessing steps have no writer in ecom.models.export")
    for _, step, _ in preprocess.transformers_:
        kind = type(step).__name__
        for parameter, expected in WRITTEN_WITH.get(kind, {}).items():
            if getattr(step, parameter) != expected:
                raise ExportError(
                    f"{kind} with {parameter}={getattr(step, parameter)!r} has no writer in "
                    f"ecom.models.export: expected {expected!r}"
                )


def _linear(model: Any, matrix: "Var") -> Answer:
    # A matrix of one column: ONNX Runtime 1.32 multiplies a transposed matrix and a vector wrongly.
    return Answer(op.matmul(matrix, op.const(model.coef_.T)), float(model.intercept_[0]))


def _boosted_trees(model: Any, matrix: "Var") -> Answer:
    return Answer(_sum(trees_of_boosting(model), matrix), model._baseline_prediction.item())


def trees_of_boosting(model: Any) -> Trees:
    """Return the trees of a HistGradientBoostingClassifier.

    Raises
    ------
    ExportError
        Their nodes are not those that this module was written for.
    """
    tables = [tree.nodes for (tree,) in model._predictors]
    names = tables[0].dtype.names
    if names != BOOSTED_NODE or any(table["is_categorical"].any() for table in tables):
        raise ExportError(
            "the nodes of boosted trees are not those that ecom.models.export was written for: "
            f"expected {', '.join(BOOSTED_NODE)}, all numeric, got {', '.join(names)}. Another "
            "version of scikit-learn needs another writer"
        )
    return _joined(
        [
            Trees(
                table["feature_idx"],
                table["num_threshold"],
                table["left"],
                table["right"],
                table["missing_go_to_left"],
                table["is_leaf"],
                table["value"],
                table["count"].astype(np.float64),
                [0],
            )
            for table in tables
        ]
    )


def _forest(model: Any, matrix: "Var") -> Answer:
    total = _sum(trees_of_forest(model), single_precision(matrix))
    probability = op.div(total, number(len(model.estimators_)))
    return Answer(log_odds_of(probability), probability=probability)


def log_odds_of(probability: "Var") -> "Var":
    """Write `ecom.models.averaging.probability_log_odds`."""
    clipped = op.clip(probability, number(CERTAIN), number(1 - CERTAIN))
    return op.log(op.div(clipped, op.sub(number(1), clipped)))


def single_precision(matrix: "Var") -> "Var":
    """Write what the trees of a forest see: single precision, compared with splits in double."""
    return op.cast(op.cast(matrix, to=np.float32), to=np.float64)


def trees_of_forest(model: Any) -> Trees:
    """Return the trees of a forest; the value of a leaf is its share of purchases."""
    return _joined(
        [
            Trees(
                tree.feature,
                tree.threshold,
                tree.children_left,
                tree.children_right,
                tree.missing_go_to_left,
                tree.children_left < 0,
                tree.value[:, 0, 1],
                tree.weighted_n_node_samples,
                [0],
            )
            for tree in (one.tree_ for one in model.estimators_)
        ]
    )


TREES: Final[Mapping[Explainer, Callable[[Any], Trees]]] = {
    "boosted_trees": trees_of_boosting,
    "forest": trees_of_forest,
}
EXPORTERS: Final[Mapping[Explainer, Callable[[Any, "Var"], Answer]]] = {
    "linear": _linear,
    "boosted_trees": _boosted_trees,
    "forest": _forest,
}


def _joined(trees: list[Trees]) -> Trees:
    """Put trees one after the other."""
    starts = np.cumsum([0, *(len(tree.value) for tree in trees[:-1])])
    parts = zip(trees, starts, strict=True)
    moved = [
        tree._replace(left=tree.left.astype(int) + start, right=tree.right.astype(int) + start)
        for tree, start in parts
    ]
    whole: list[Any] = [np.concatenate(column) for column in list(zip(*moved, strict=True))[:-1]]
    return Trees._make([*whole, starts.tolist()])


def _sum(trees: Trees, matrix: "Var") -> "Var":
    """Write the sum of the leaves that a session falls into, of shape (N, 1)."""
    is_leaf = trees.is_leaf.astype(bool)
    leaves = np.cumsum(is_leaf) - 1  # the position of a node among the leaves
    inner = np.cumsum(~is_leaf) - 1
    nodes = np.flatnonzero(~is_leaf)
    nodes_of = {
        "nodes_featureids": trees.feature[nodes],
        "nodes_splits": trees.split[nodes],
        "nodes_missing_value_tracks_true": trees.missing_left[nodes],
    }
    for side, children in (("true", trees.left[nodes]), ("false", trees.right[nodes])):
        nodes_of[f"nodes_{side}leafs"] = is_leaf[children]
        nodes_of[f"nodes_{side}nodeids"] = np.where(
            is_leaf[children], leaves[children], inner[children]
        )
    roots = [int(inner[root]) for root in trees.roots]
    for place, root in enumerate(trees.roots):
        if is_leaf[root]:  # a tree of one leaf: a node whose children are both this leaf
            roots[place] = len(nodes_of["nodes_splits"])
            for name, value in _only_leaf(int(leaves[root])).items():
                nodes_of[name] = np.append(nodes_of[name], value)
    whole: dict[str, Any] = {
        name: values.astype(np.float64) if name == "nodes_splits" else [int(v) for v in values]
        for name, values in nodes_of.items()
    }
    return ml.tree_ensemble(
        matrix,
        leaf_targetids=[0] * int(is_leaf.sum()),
        leaf_weights=trees.value[is_leaf].astype(np.float64),
        n_targets=1,
        nodes_modes=np.zeros(len(whole["nodes_splits"]), np.uint8),  # at most the split: true
        tree_roots=roots,
        **whole,
    )


def _only_leaf(leaf: int) -> dict[str, float]:
    return {
        "nodes_featureids": 0,
        "nodes_splits": 0.0,
        "nodes_missing_value_tracks_true": 0,
        "nodes_trueleafs": 1,
        "nodes_truenodeids": leaf,
        "nodes_falseleafs": 1,
        "nodes_falsenodeids": leaf,
    }


def _vector(column: "Var") -> "Var":
    """Write a matrix of shape (N, 1) as a vector."""
    return op.squeeze(column, op.const(np.array([1])))


def number(value: float) -> "Var":
    """Write a constant."""
    return op.const(np.float64(value))
