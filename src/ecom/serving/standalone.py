"""Will a session end in a purchase? A packaged model, which needs numpy and ONNX Runtime alone.

``purchase_model.predict`` takes columns by name, such as a frame of pandas.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from ecom.serving.scoring import (
    Answers,
    Explanations,
    Scorer,
    Sessions,
    load_graph,
    ranges_of,
)

FOLDER = Path(__file__).parent / "package"


@cache
def manifest() -> dict[str, Any]:
    """Return what the package says of itself: columns, threshold, figures, hashes."""
    content: dict[str, Any] = json.loads((FOLDER / "manifest.json").read_bytes())
    return content


@cache
def scorer() -> Scorer:
    """Load the graphs, once.

    Raises
    ------
    ValueError
        A file was changed.
    """
    model, explanation = (load_graph(_checked(name)) for name in ("model.onnx", "explain.onnx"))
    ranges = ranges_of(manifest()["columns"])
    return Scorer(model, explanation, manifest()["threshold"], ranges)


def predict(sessions: Sessions) -> Answers:
    """Return log-odds, probability, and whether a session is flagged: each of shape (n,).

    Parameters
    ----------
    sessions
        By name of a raw column of the manifest, its values, of shape (n,): text for categories,
        numbers or booleans for the rest. A frame of pandas will do.

    Raises
    ------
    ValueError
        A column is missing, or holds what the manifest does not allow.
    """
    return scorer().answer(sessions)


def explain(sessions: Sessions) -> Explanations:
    """Return what each raw column contributes to the log-odds, of shape (n, 17), and their base."""
    return scorer().explain(sessions)


def _checked(name: str) -> bytes:
    content = (FOLDER / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != manifest()["files"][name]["sha256"]:
        raise ValueError(f"{FOLDER / name} was changed after it was packaged")
    return content
