"""A fitted candidate as one ONNX graph, from raw columns to the probability of a purchase.

The formulas of the engineered columns are traced: `ecom.features.add_features` is called with
symbolic columns. What was fitted is written operator by operator, in double precision throughout:
in single precision, sessions next to a split of a tree change their leaf.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import ndonnx as ndx
import numpy as np
import spox.opset.ai.onnx.ml.v5 as ml
import spox.opset.ai.onnx.v21 as op

from ecom.errors import ExportError
from ecom.features import add_features
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


class Answer(NamedTuple):
    """What a model answers, symbolically: both of shape (N,)."""

    log_odds: "Var"
    probability: "Var"


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
    answer = answers[0]
    if len(answers) > 1:
        mean = op.div(op.sum([each.log_odds for each in answers]), number(len(answers)))
        answer = Answer(mean, op.sigmoid(mean))
    return ndx.build(inputs, {name: ndx.asarray(var) for name, var in answer._asdict().items()})


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
    session = add_features(inputs, model["features"].kw_args["columns"])
    return [
        (
            single(name).explainer,
            member["model"],
            _matrix(member["preprocess"], session),
            member["preprocess"],
        )
        for name, member in zip(members_of(candidate), pipelines_in(model), strict=True)
    ]


def _matrix(preprocess: "ColumnTransformer", session: Mapping[str, Any]) -> "Var":
    """Write what a ColumnTransformer makes of sessions, as a matrix of shape (N, columns)."""
    columns: list[Any] = []
    for _, step, names in preprocess.transformers_:
        kind = step if isinstance(step, str) else type(step).__name__
        if kind == "OneHotEncoder":
            for name, levels in zip(names, step.categories_, strict=True):
                columns += [(session[name] == str(level)).astype(ndx.float64) for level in levels]
        elif kind == "StandardScaler":
            for name, mean, scale in zip(names, step.mean_, step.scale_, strict=True):
                columns.append((session[name] - float(mean)) / float(scale))
        elif kind == "FunctionTransformer" and step.func is None:  # passes columns on
            columns += [session[name] for name in names]
        elif kind != "drop":
            raise ExportError(
                f"the preprocessing step {kind} has no writer: add one to ecom.models.export"
            )
    vectors = [column.unwrap_spox() for column in columns]
    axis = op.const(np.array([1]))
    return op.concat([op.unsqueeze(vector, axis) for vector in vectors], axis=1)


def _linear(model: Any, matrix: "Var") -> Answer:
    products = op.matmul(matrix, op.const(model.coef_[0]))
    log_odds = op.add(products, number(model.intercept_[0]))
    return Answer(log_odds, op.sigmoid(log_odds))


def _boosted_trees(model: Any, matrix: "Var") -> Answer:
    log_odds = op.add(
        _sum(trees_of_boosting(model), matrix), number(model._baseline_prediction.item())
    )
    return Answer(log_odds, op.sigmoid(log_odds))


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
    return Answer(log_odds_of(probability), probability)


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
    """Write the sum of the leaves that a session falls into, of shape (N,)."""
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
    found = ml.tree_ensemble(
        matrix,
        leaf_targetids=[0] * int(is_leaf.sum()),
        leaf_weights=trees.value[is_leaf].astype(np.float64),
        n_targets=1,
        nodes_modes=np.zeros(len(whole["nodes_splits"]), np.uint8),  # at most the split: true
        tree_roots=roots,
        **whole,
    )
    return op.squeeze(found, op.const(np.array([1])))


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


def number(value: float) -> "Var":
    """Write a constant."""
    return op.const(np.float64(value))
