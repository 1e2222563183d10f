"""A package that was checked before it answers: its files, and the answers it is known to give."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ecom.digits import round_scores
from ecom.errors import PackageError
from ecom.serving.manifest import EXPLANATION, GOLDEN, MANIFEST, MODEL, Manifest

TOLERANCE: Final = 1e-8  # of a golden answer, which has 9 significant digits

Floats = NDArray[np.float64]


class Answers(NamedTuple):
    """What the model says of sessions: each of shape (n,)."""

    log_odds: Floats
    probability: Floats
    flagged: NDArray[np.bool_]


class Explanations(NamedTuple):
    """Contributions of the raw columns to the log-odds, of shape (n, 17), and their base."""

    contributions: Floats
    base: float


@dataclass(frozen=True)
class Package:
    """A model that answers.

    Attributes
    ----------
    manifest
        What the package says of itself.
    version
        SHA-256 of manifest.json, which names the hash of every other file.
    """

    manifest: Manifest
    version: str
    _graph: onnxruntime.InferenceSession
    _explanation: onnxruntime.InferenceSession

    def answer(self, sessions: Mapping[str, Sequence[Any] | NDArray[Any]]) -> Answers:
        """Score sessions.

        Parameters
        ----------
        sessions
            By name of a raw column, its values, of shape (n,): text for categories, numbers or
            booleans for the rest. Further columns are ignored.

        Raises
        ------
        PackageError
            A column of the manifest is missing.
        """
        log_odds, probability = self._graph.run(["log_odds", "probability"], self._inputs(sessions))
        rounded = round_scores(probability)
        return Answers(log_odds, rounded, rounded >= self.manifest.threshold)

    def explain(self, sessions: Mapping[str, Sequence[Any] | NDArray[Any]]) -> Explanations:
        """Say what each raw column, in the order of the schema, contributes to the log-odds.

        Parameters
        ----------
        sessions
            As of `answer`.

        Raises
        ------
        PackageError
            A column of the manifest is missing.
        """
        inputs = self._inputs(sessions)
        contributions, base = self._explanation.run(["contributions", "base"], inputs)
        return Explanations(contributions, float(base[0]))

    def _inputs(self, sessions: Mapping[str, Sequence[Any] | NDArray[Any]]) -> dict[str, Any]:
        if missing := [c.name for c in self.manifest.columns if c.name not in sessions]:
            raise PackageError(f"the sessions have no {', '.join(missing)}, which the model needs")
        return {
            column.name: np.asarray(
                sessions[column.name], dtype=object if column.type == "category" else np.float64
            )
            for column in self.manifest.columns
        }


def load_graph(content: bytes) -> onnxruntime.InferenceSession:
    """Load a graph to run on one thread: a session alone and in a batch then get the same bits."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def open_package(folder: Path) -> Package:
    """Open a package, once every file has its hash and every golden answer repeats.

    Raises
    ------
    PackageError
        A file is missing, was changed or cut off, the package is of a newer format, or answers
        otherwise than when it was made.
    """
    text = _read(folder, MANIFEST)
    manifest = Manifest.parse(text)
    contents = {name: _checked(folder, name, manifest) for name in manifest.files}
    if missing := {MODEL, EXPLANATION, GOLDEN} - contents.keys():
        raise PackageError(f"{MANIFEST} names no {', '.join(sorted(missing))}")
    graph, explanation = (_loaded(name, contents[name]) for name in (MODEL, EXPLANATION))
    package = Package(manifest, hashlib.sha256(text).hexdigest(), graph, explanation)
    _replay(package, json.loads(contents[GOLDEN]))
    return package


def _loaded(name: str, content: bytes) -> onnxruntime.InferenceSession:
    try:
        return load_graph(content)
    except Exception as error:  # noqa: BLE001  of a C library
        raise PackageError(f"{name} cannot be loaded: {error}") from None


def _checked(folder: Path, name: str, manifest: Manifest) -> bytes:
    content, expected = _read(folder, name), manifest.files[name]
    if len(content) != expected.size:
        raise PackageError(f"{name} has {len(content)} bytes; expected {expected.size}")
    if hashlib.sha256(content).hexdigest() != expected.sha256:
        raise PackageError(f"{name} was changed: its SHA-256 is not {expected.sha256}")
    return content


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise PackageError(
            f"{folder / name} cannot be read ({error.strerror}): expected a package, which "
            "`dvc repro package` makes in models/package"
        ) from None


def _replay(package: Package, golden: Sequence[Mapping[str, Any]]) -> None:
    columns = [column.name for column in package.manifest.columns]
    sessions = {name: [case["session"][name] for case in golden] for name in columns}
    found, (contributions, base) = package.answer(sessions), package.explain(sessions)
    sums = contributions.sum(axis=1) + base
    for place, case in enumerate(golden):
        close = np.isclose(found.probability[place], case["probability"], rtol=0, atol=TOLERANCE)
        if not close or bool(found.flagged[place]) != case["flagged"]:
            raise PackageError(
                f"{GOLDEN}: session {place} ({case['where']}) has the probability "
                f"{found.probability[place]} instead of {case['probability']}, "
                f"{'' if found.flagged[place] else 'not '}flagged: this machine answers otherwise "
                "than the one that made the package"
            )
        if not np.isclose(sums[place], case["log_odds"], rtol=TOLERANCE, atol=TOLERANCE):
            raise PackageError(
                f"{EXPLANATION}: the contributions to session {place} of {GOLDEN} add up to "
                f"{sums[place]} instead of {case['log_odds']}"
            )
