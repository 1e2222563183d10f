"""States of a project as its files record them, without a model behind."""

import hashlib
import json
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from fsspec.implementations.memory import MemoryFileSystem
from ruamel.yaml import YAML

from ecom.evaluation import Floats
from ecom.schema import FEATURES, TARGET
from ecom.states import State
from generated import typed_sessions
from project import ROOT

PREDICTIONS = "data/predictions/test.parquet"
OUT_OF_FOLD = "data/predictions/best_model_out_of_fold.parquet"
SESSIONS = "data/features/test.parquet"


def sessions_and_scores(rows: int = 800) -> tuple[pd.DataFrame, Floats]:
    """Return sessions with their target, and scores that have to do with it."""
    sessions = typed_sessions(rows)
    noise = np.random.default_rng(0).random(len(sessions))
    return sessions, np.asarray(0.3 * sessions[TARGET].to_numpy() + 0.6 * noise)


def in_parquet(table: pd.DataFrame) -> bytes:
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
) -> State:
    """Return a state of two stages; `files` replace or add to what it holds."""
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    params["threshold"]["costs"] = dict(
        zip(("false_positive", "false_negative"), costs, strict=True)
    )
    metrics = dict.fromkeys(
        ("pr_auc", "roc_auc", "brier", "expected_calibration_error", "cost_per_1000_sessions",
         "precision", "recall"), 0.5,
    )  # fmt: skip
    table = sessions.rename_axis("row").reset_index()
    contents: dict[str, bytes] = {
        "params.yaml": json.dumps(params).encode(),
        "requirements.txt": b"numpy==2.0\n",
        "src/ecom/models.py": b"one = 1\n",
        PREDICTIONS: in_parquet(table[["row", TARGET]].assign(best_model=scores)),
        OUT_OF_FOLD: in_parquet(table[["row", TARGET]].assign(score=scores)),
        "metrics/threshold.json": json.dumps(
            {"threshold": threshold, "costs": params["threshold"]["costs"]}
        ).encode(),
        "metrics/evaluate.json": json.dumps(
            {
                "data": "real",
                "best_model": metrics,
                "intervals": {"best_model": {metric: [0.4, 0.6] for metric in metrics}},
            }
        ).encode(),
    }
    if keeps_sessions:
        contents[SESSIONS] = in_parquet(table[["row", *FEATURES]])
    contents |= {path: text.encode() for path, text in (files or {}).items()}
    declared: dict[str, dict[str, Any]] = {
        "features": {"deps": [], "params": ["split.seed"], "outs": [SESSIONS]},
        "evaluate": {
            "deps": ["requirements.txt", "src/ecom/models.py", SESSIONS],
            "params": ["evaluate.bins"],
            "outs": [PREDICTIONS, OUT_OF_FOLD, "metrics/evaluate.json", "metrics/threshold.json"],
        },
    }

    def recorded(paths: list[str]) -> list[dict[str, str]]:
        return [
            {"path": path, "md5": hashlib.md5(contents[path], usedforsecurity=False).hexdigest()}
            for path in paths
            if path in contents
        ]

    loaded = json.loads(contents["params.yaml"])
    lock = {
        stage: {
            "cmd": f"python stages/{stage}.py",
            "deps": recorded(of["deps"]),
            "params": {
                "params.yaml": {
                    knob: loaded[knob.split(".")[0]][knob.split(".")[1]] for knob in of["params"]
                }
            },
            "outs": recorded(of["outs"]),
        }
        for stage, of in declared.items()
    }
    pipeline = {
        stage: {
            "cmd": f"python stages/{stage}.py",
            "deps": [path for path in of["deps"] if path in contents],
            "params": of["params"],
        }
        for stage, of in declared.items()
    }
    contents.setdefault("dvc.lock", json.dumps({"stages": lock}).encode())
    contents.setdefault("dvc.yaml", json.dumps({"stages": pipeline}).encode())
    return State(name, None, Files(contents))


class Files(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Files in memory, each state's its own."""

    cachable = False

    def __init__(self, contents: dict[str, bytes]) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}  # the class's own is shared by all
        self.pseudo_dirs = [""]
        for path, content in contents.items():
            self.pipe_file(path, content)
