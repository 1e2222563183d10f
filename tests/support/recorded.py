"""States of a project as its files record them, without a model behind them."""

import hashlib
import json
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from fsspec.implementations.memory import MemoryFileSystem

from ecom.data.identity import session_keys
from ecom.evaluation.counts import Floats
from ecom.params.bootstrap import Bootstrap
from ecom.project.files import CROSS_FIT, PREDICTIONS, TEST, TRAIN, metrics_file
from ecom.project.params_file import read_params
from ecom.project.states import State
from ecom.review.outcome import Comparison, compare_states
from ecom.review.verdicts import Rules
from ecom.schema import FEATURES, TARGET
from generated import typed_sessions
from params import value_at, with_values
from project import ROOT

CODE = "src/ecom/models/pipelines.py"
EVALUATE, THRESHOLD = metrics_file("evaluate"), metrics_file("threshold")
METRICS = (
    "pr_auc",
    "roc_auc",
    "brier",
    "log_loss",
    "expected_calibration_error",
    "cost_per_1000_sessions",
    "precision",
    "recall",
)


def sessions_and_scores(rows: int = 800) -> tuple[pd.DataFrame, Floats]:
    """Return sessions with their target, and scores that depend on it."""
    sessions = typed_sessions(rows)
    noise = np.random.default_rng(0).random(len(sessions))
    return sessions, np.asarray(0.3 * sessions[TARGET].to_numpy() + 0.6 * noise)


def to_parquet(table: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def state(  # noqa: PLR0913  all that states differ in
    name: str,
    sessions: pd.DataFrame,
    scores: Floats,
    *,
    threshold: float = 0.5,
    costs: tuple[float, float] = (1.0, 5.0),
    files: dict[str, str] | None = None,
    keeps_sessions: bool = True,
    keeps_cross_fit: bool = True,
) -> State:
    """Return a state with two stages; `files` replace or add to what it holds.

    The sessions are its training rows and its test rows; the scores are those of both, with some
    noise in each repeat.
    """
    priced = dict(zip(("false_positive", "false_negative"), costs, strict=True))
    table = sessions.rename_axis("row").reset_index()
    evaluated = {
        "data": "real",
        "best_model": dict.fromkeys(METRICS, 0.5),
        "intervals": {"best_model": {metric: [0.4, 0.6] for metric in METRICS}},
    }
    contents: dict[str, bytes] = {
        "params.yaml": json.dumps(with_values({"threshold.costs": priced})).encode(),
        "requirements.txt": b"numpy==2.0\n",
        CODE: b"one = 1\n",
        PREDICTIONS: to_parquet(table[["row", TARGET]].assign(best_model=scores)),
        THRESHOLD: json.dumps({"threshold": threshold, "costs": priced}).encode(),
        EVALUATE: json.dumps(evaluated).encode(),
    }
    if keeps_sessions:
        contents[TEST] = contents[TRAIN] = to_parquet(table[["row", *FEATURES]])
    if keeps_cross_fit:
        contents[CROSS_FIT] = to_parquet(cross_fitted(sessions, scores))
    contents |= {path: text.encode() for path, text in (files or {}).items()}
    declared: dict[str, dict[str, Any]] = {
        "features": {"deps": [], "params": ["split.seed"], "outs": [TEST, TRAIN]},
        "evaluate": {
            "deps": ["requirements.txt", CODE, TEST],
            "params": ["evaluate.bins"],
            "outs": [PREDICTIONS, CROSS_FIT, EVALUATE, THRESHOLD],
        },
    }
    for stage, parts in declared.items():
        parts["cmd"] = f"python stages/{stage}.py"
        for kind in ("deps", "outs"):
            parts[kind] = [path for path in parts[kind] if path in contents]
    loaded = json.loads(contents["params.yaml"])
    lock = {
        stage: parts
        | {
            kind: [{"path": path, "md5": md5(contents[path])} for path in parts[kind]]
            for kind in ("deps", "outs")
        }
        | {"params": {"params.yaml": {name: value_at(loaded, name) for name in parts["params"]}}}
        for stage, parts in declared.items()
    }
    contents.setdefault("dvc.lock", json.dumps({"stages": lock}).encode())
    contents.setdefault("dvc.yaml", json.dumps({"stages": declared}).encode())
    return State(name, None, Files(contents))


def cross_fitted(sessions: pd.DataFrame, scores: Floats) -> pd.DataFrame:
    """Return what the stage cross_fit writes, of three repeats that differ a little."""
    noise = {
        f"best_model_{repeat}": scores + 0.002 * np.sin(1e4 * repeat * scores)
        for repeat in (1, 2, 3)
    }
    return pd.DataFrame(
        {
            "row": sessions.index,
            "session": session_keys(sessions).to_numpy(),
            TARGET: sessions[TARGET].to_numpy(),
            **{name: np.clip(each, 0, 1) for name, each in noise.items()},
        }
    )


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


SESSIONS, SCORES = sessions_and_scores()
RULES = replace(Rules.from_params(read_params(ROOT)), bootstrap=Bootstrap(resamples=200, seed=0))


def compared(base: State, head: State) -> Comparison:
    """Compare two states by the committed rules, with fewer resamples."""
    return compare_states(base, head, RULES)


class Files(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Files in memory, of one state alone."""

    cachable = False

    def __init__(self, contents: dict[str, bytes]) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}  # the class's own store is shared by all
        self.pseudo_dirs = [""]
        for path, content in contents.items():
            self.pipe_file(path, content)
