"""A package that was checked before it answers: its files, and the answers it is known to give."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecom.errors import PackageError
from ecom.serving.manifest import (
    EXPLANATION,
    GOLDEN,
    MANIFEST,
    MODEL,
    PROFILE,
    SWEEP,
    TRAINED_ON,
    TYPICAL,
    Manifest,
)
from ecom.serving.profile import Profile
from ecom.serving.scoring import Scorer, load_graph, ranges_of, text_inputs
from ecom.serving.training import Hashes, read_hashes

CLOSE: Final = 1e-8  # to a golden answer, which has 9 significant digits


@dataclass(frozen=True)
class Package:
    """A model that answers.

    Attributes
    ----------
    manifest
        What the package says of itself.
    version
        SHA-256 of manifest.json, which names the hash of every other file.
    scorer
        What answers.
    contents
        Content of each file by name, as it was checked.
    """

    manifest: Manifest
    version: str
    scorer: Scorer
    contents: Mapping[str, bytes]

    @cached_property
    def examples(self) -> dict[str, dict[str, Any]]:
        """Return the typical sessions among the golden ones, by what they are typical of."""
        return {
            case["where"]: case["session"]
            for case in json.loads(self.contents[GOLDEN])
            if case["where"].startswith(TYPICAL)
        }

    @property
    def profile(self) -> Profile:
        """Return how sessions were distributed that the model was made from.

        Raises
        ------
        PackageError
            An older version of ecom made the package, or its profile is damaged.
        """
        return Profile.parse(self._content(PROFILE))

    @cached_property
    def trained_on(self) -> Hashes:
        """Return the hashes of the sessions that the model was fitted to.

        Raises
        ------
        PackageError
            As of `profile`.
        """
        return read_hashes(self._content(TRAINED_ON))

    def _content(self, name: str) -> bytes:
        if name not in self.contents:
            raise PackageError(
                f"the package {self.version[:12]} has no {name}: an older version of ecom made it. "
                "Make it again with `dvc repro package`"
            )
        return self.contents[name]

    @cached_property
    def thresholds(self) -> list[dict[str, float]]:
        """Return what each threshold gave on training rows that the model was not fitted to."""
        rows = csv.DictReader(self.contents[SWEEP].decode().splitlines())
        return [{name: float(value) for name, value in row.items()} for row in rows]


def package_version(manifest: bytes) -> str:
    """Return the version of the package with this manifest.json: its SHA-256."""
    return hashlib.sha256(manifest).hexdigest()


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
    if missing := {MODEL, EXPLANATION, GOLDEN, SWEEP} - contents.keys():
        raise PackageError(f"{MANIFEST} names no {', '.join(sorted(missing))}")
    model, explanation = (_loaded(name, contents[name]) for name in (MODEL, EXPLANATION))
    columns = [column.model_dump() for column in manifest.columns]
    scorer = Scorer(model, explanation, manifest.threshold, ranges_of(columns))
    _require_inputs(scorer, manifest)
    try:
        _replay(scorer, json.loads(contents[GOLDEN]))
    except PackageError:
        raise
    except Exception as error:  # noqa: BLE001  of a C library, and of whatever the file holds
        raise PackageError(
            f"{GOLDEN} does not hold sessions with their answers: {error!r:.200}"
        ) from None
    package = Package(manifest, package_version(text), scorer, {MANIFEST: text, **contents})
    _require_thresholds(package)
    return package


def _require_thresholds(package: Package) -> None:
    try:
        rows = len(package.thresholds)
    except (TypeError, ValueError) as error:
        raise PackageError(f"{SWEEP} does not hold numbers: {error}") from None
    if not rows:
        raise PackageError(f"{SWEEP} has no rows")


def _require_inputs(scorer: Scorer, manifest: Manifest) -> None:
    """Refuse graphs that take other columns than the manifest says."""
    expected = {column.name: column.type == "category" for column in manifest.columns}
    for name, graph in ((MODEL, scorer.model), (EXPLANATION, scorer.explanation)):
        if text_inputs(graph) != expected:
            raise PackageError(f"{name} does not take the columns that {MANIFEST} names")


def _loaded(name: str, content: bytes) -> Any:
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


def _replay(scorer: Scorer, golden: Sequence[Mapping[str, Any]]) -> None:
    if not golden:
        raise ValueError("there are none")
    sessions = {name: [case["session"][name] for case in golden] for name in golden[0]["session"]}
    found, (contributions, base) = scorer.answer(sessions), scorer.explain(sessions)
    sums = contributions.sum(axis=1) + base
    for place, case in enumerate(golden):
        close = np.isclose(found.probability[place], case["probability"], rtol=0, atol=CLOSE)
        if not close or bool(found.flagged[place]) != case["flagged"]:
            raise PackageError(
                f"{GOLDEN}: session {place} ({case['where']}) has the probability "
                f"{found.probability[place]} instead of {case['probability']}, "
                f"{'' if found.flagged[place] else 'not '}flagged: graph, threshold or answers "
                "were changed, or this machine computes otherwise than the one that made them"
            )
        expected = [*case["contributions"], case["log_odds"]]
        explained = [*contributions[place], sums[place]]
        if not np.allclose(explained, expected, rtol=CLOSE, atol=CLOSE):
            raise PackageError(
                f"{EXPLANATION}: the contributions to session {place} of {GOLDEN} are not those "
                "that it holds, or add up to other log-odds"
            )
