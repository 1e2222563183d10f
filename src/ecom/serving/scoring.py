"""Answers from graphs. Needs numpy and ONNX Runtime alone: a wheel of the model takes it along."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # it reports its use to its makers else
import onnxruntime

from ecom.digits import round_score, round_scores

PIECE: Final = 1000  # sessions that are scored at a time: what the graph holds stays in the cache
BLOCK: Final = 100  # sessions that are explained at a time: 100 need some 50 MB
Floats = NDArray[np.float64]
Sessions = Mapping[str, Sequence[Any] | NDArray[Any]]


class Answers(NamedTuple):
    """What the model says of sessions: each of shape (n,)."""

    log_odds: Floats
    probability: Floats
    flagged: NDArray[np.bool_]


class Answer(NamedTuple):
    """What the model says of one session."""

    log_odds: float
    probability: float
    flagged: bool


class Explanations(NamedTuple):
    """Contributions of the raw columns to the log-odds, of shape (n, 17), and their base."""

    contributions: Floats
    base: float


def load_graph(content: bytes) -> onnxruntime.InferenceSession:
    """Load a graph to run on one thread, which neither waits for work nor takes other cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def text_inputs(graph: onnxruntime.InferenceSession) -> dict[str, bool]:
    """Return the inputs of a graph, and whether each takes texts; the others take numbers."""
    return {given.name: "string" in given.type for given in graph.get_inputs()}


class Range(NamedTuple):
    """What the values of a column that is no text may be."""

    minimum: float
    maximum: float
    whole: bool


@dataclass(frozen=True)
class Scorer:
    """The graphs of a model.

    Attributes
    ----------
    model, explanation
        From `load_graph`.
    threshold
        The rounded probability from which on a session is flagged.
    ranges
        By column: beyond them, the model's answers mean nothing.
    """

    model: onnxruntime.InferenceSession
    explanation: onnxruntime.InferenceSession
    threshold: float
    ranges: Mapping[str, Range]

    def answer(self, sessions: Sessions) -> Answers:
        """Score sessions.

        Parameters
        ----------
        sessions
            By name of a raw column, its values, of shape (n,): text for categories, numbers or
            booleans for the rest. Further columns are ignored.

        Raises
        ------
        ValueError
            A column that the model needs is missing, or holds what the manifest does not allow.
        """
        return self.score(self._checked(sessions))

    def score(self, inputs: Mapping[str, NDArray[Any]]) -> Answers:
        """Score what the graphs take: float64 and, for texts, object arrays of shape (n,)."""
        outputs = ["log_odds", "probability"]
        parts = [self.model.run(outputs, some) for some in _pieces(inputs, PIECE)]
        log_odds, probability = map(np.concatenate, zip(*parts, strict=True))
        rounded = round_scores(probability)
        return Answers(log_odds, rounded, rounded >= self.threshold)

    def score_one(self, inputs: Mapping[str, NDArray[Any]]) -> Answer:
        """Score one session, as `score` does: of one number, Python is faster than NumPy."""
        log_odds, probability = self.model.run(["log_odds", "probability"], inputs)
        rounded = round_score(probability.item())
        return Answer(log_odds.item(), rounded, rounded >= self.threshold)

    def explain(self, sessions: Sessions) -> Explanations:
        """Say what each raw column, in the order of the schema, contributes to the log-odds.

        Parameters
        ----------
        sessions
            As of `answer`.

        Raises
        ------
        ValueError
            As of `answer`.
        """
        return self.contribute(self._checked(sessions))

    def contribute(self, inputs: Mapping[str, NDArray[Any]]) -> Explanations:
        """Explain what the graphs take, as of `score`."""
        outputs = ["contributions", "base"]
        parts = [self.explanation.run(outputs, some) for some in _pieces(inputs, BLOCK)]
        return Explanations(np.concatenate([part[0] for part in parts]), parts[0][1].item())

    @cached_property
    def _text_inputs(self) -> dict[str, bool]:
        return text_inputs(self.model)

    def _checked(self, sessions: Sessions) -> dict[str, NDArray[Any]]:
        inputs = self._inputs(sessions)
        for name, (low, high, whole) in self.ranges.items():
            values = inputs[name]
            wrong = ~((low <= values) & (values <= high))
            if whole:
                wrong |= values != np.round(values)
            if wrong.any():
                place = int(wrong.argmax())
                kind = "whole numbers" if whole else "numbers"
                raise ValueError(
                    f"{name} must be {kind} from {low:,.12g} to {high:,.12g}, "
                    f"got {values[place]:.12g} in session {place}"
                )
        return inputs

    def _inputs(self, sessions: Sessions) -> dict[str, NDArray[Any]]:
        texts = self._text_inputs
        if missing := [name for name in texts if name not in sessions]:
            raise ValueError(f"the sessions have no {', '.join(missing)}, which the model needs")
        inputs = {
            name: _texts(name, sessions[name]) if text else _numbers(name, sessions[name])
            for name, text in texts.items()
        }
        if len({len(values) for values in inputs.values()}) > 1:
            lengths = ", ".join(f"{name} {len(values)}" for name, values in inputs.items())
            raise ValueError(f"the columns have different lengths: {lengths}")
        return inputs


def _pieces(inputs: Mapping[str, NDArray[Any]], size: int) -> list[Mapping[str, NDArray[Any]]]:
    """Cut inputs into pieces of some sessions; at least one, which may be empty."""
    rows = len(next(iter(inputs.values())))
    if rows <= size:
        return [inputs]
    return [
        {name: values[start : start + size] for name, values in inputs.items()}
        for start in range(0, rows, size)
    ]


def _texts(name: str, values: Any) -> NDArray[Any]:
    found = np.asarray(values, dtype=object)
    if found.ndim != 1 or not all(isinstance(value, str) for value in found):
        raise ValueError(f"{name} must be texts, one for each session, got {values!r:.100}")
    return found


def _numbers(name: str, values: Any) -> Floats:
    found = np.asarray(values)
    if found.ndim != 1 or (len(found) and found.dtype.kind not in "biuf"):
        raise ValueError(f"{name} must be numbers, one for each session, got {values!r:.100}")
    numbers = found.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} must be finite numbers, got {values!r:.100}")
    return numbers


def ranges_of(columns: Iterable[Mapping[str, Any]]) -> dict[str, Range]:
    """Return the ranges of the columns of a manifest, as JSON has them."""
    return {
        column["name"]: Range(column["minimum"], column["maximum"], column["type"] != "number")
        for column in columns
        if column["type"] != "category"
    }
