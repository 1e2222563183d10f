"""Graphs to run, and candidates of trees to write as graphs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecom.models.candidates import CANDIDATES, Candidate, Explainer, Parts, pass_columns
from ecom.models.pipelines import build_pipeline
from ecom.serving.scoring import load_graph, text_inputs

# Adds the candidate ``trees``, and fits it: from an unfitted model and how it is explained.
FitTrees = Callable[..., Any]


def run_graph(graph: Any, sessions: pd.DataFrame, *outputs: str) -> list[Any]:
    """Return outputs of an ONNX model on raw sessions, which may have further columns."""
    session = load_graph(graph.SerializeToString())
    inputs = {
        name: sessions[name].to_numpy(object if text else np.float64)
        for name, text in text_inputs(session).items()
    }
    found: list[Any] = session.run(list(outputs), inputs)
    return found


def adding_trees(
    monkeypatch: pytest.MonkeyPatch, columns: list[str], labels: "pd.Series[int]"
) -> FitTrees:
    """Return a function that adds a candidate of trees on some columns, and fits it."""

    def fitted(model: Any, explainer: Explainer, sessions: pd.DataFrame) -> Any:
        parts = Parts(columns, pass_columns(columns), model)
        monkeypatch.setitem(CANDIDATES, "trees", Candidate("trees", lambda _: parts, {}, explainer))
        return build_pipeline("trees", seed=0).fit(sessions, labels)

    return fitted
