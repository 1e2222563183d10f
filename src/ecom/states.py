"""A state of the project: its files, and what dvc.lock records of them.

Commits and experiments are read through DVC, without checking anything out.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ecom.errors import ProjectError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

WORKSPACE = "workspace"
RAW = "data/raw/"
RECORDER = "track"  # the stage that records the others


@dataclass(frozen=True)
class State:
    """A commit, an experiment, or a folder as it stands.

    Attributes
    ----------
    name
        What it was asked for by.
    revision
        Of the commit, of 40 digits; None for a folder.
    """

    name: str
    revision: str | None
    _files: "AbstractFileSystem"
    _unreachable: tuple[type[Exception], ...] = (OSError,)  # what reading may raise
    _hashes: dict[str, str | None] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the name, with the commit where the name does not tell."""
        if self.revision is None or self.revision.startswith(self.name):
            return self.name
        return f"{self.name} ({self.revision[:7]})"

    def read(self, path: str) -> bytes:
        """Return the content of a file that git or DVC keeps.

        Raises
        ------
        ProjectError
            It is not part of this state, or in neither the cache nor a remote.
        """
        try:
            content: bytes = self._files.read_bytes(path)
        except FileNotFoundError:
            kept = path != "dvc.lock" and self.holds(path)
            raise ProjectError(self._missing(path) if kept else f"{self} has no {path}") from None
        except self._unreachable as error:
            raise ProjectError(f"{self._missing(path)} ({error})") from None
        return content

    @cached_property
    def lock(self) -> dict[str, Any]:
        """What dvc.lock records of each stage."""
        stages = self._stages("dvc.lock")
        try:
            files = [
                (file["path"], file["md5"])
                for stage in stages.values() if stage["cmd"]
                for kind in ("deps", "outs")
                for file in stage.get(kind, [])
            ]  # fmt: skip
        except (AttributeError, KeyError, TypeError):
            files = [(None, None)]
        if not all(isinstance(part, str) for file in files for part in file):
            raise ProjectError(f"dvc.lock of {self} is cut off or damaged: `make run` mends it")
        return stages

    @cached_property
    def pipeline(self) -> dict[str, Any]:
        """What dvc.yaml declares of each stage."""
        return self._stages("dvc.yaml")

    @cached_property
    def params(self) -> dict[str, Any]:
        """The content of params.yaml."""
        return self._yaml("params.yaml")

    @cached_property
    def key(self) -> str:
        """What identifies the state: a SHA-256 of all that its stages read and wrote."""
        return key_of(self.lock)

    @property
    def outs(self) -> Iterator[dict[str, Any]]:
        """Path and md5 of each output that dvc.lock records."""
        return (out for stage in self.lock.values() for out in stage.get("outs", []))

    def holds(self, path: str) -> bool:
        """Whether a file is among the outputs of the state."""
        return any(out["path"] == path for out in self.outs)

    def metrics(self, stage: str) -> Any:
        """Return what a stage found.

        Raises
        ------
        ProjectError
            The stage has not run, or its metrics cannot be read.
        """
        path = f"metrics/{stage}.json"
        try:
            return json.loads(self.read(path))
        except ValueError as error:
            raise ProjectError(f"{path} of {self} cannot be read: {error}") from None

    def table(self, path: str) -> pd.DataFrame:
        """Return a Parquet file as a frame.

        Raises
        ------
        ProjectError
            It is not there, or is damaged.
        """
        from pyarrow import ArrowException

        try:
            return pd.read_parquet(BytesIO(self.read(path)))
        except (ArrowException, ValueError) as error:
            raise ProjectError(f"{path} of {self} cannot be read: {error}") from None

    def stale(self) -> list[str]:
        """Return the stages whose results are not those of the code, data and knobs beside them.

        A stage is stale where dvc.lock records another command, input or value than the state
        holds, and where an output differs from what it records. The stage that tracks is left
        out: it finds nothing.
        """
        made = {out["path"]: out["md5"] for out in self.outs}
        return [
            name for name, declared in self.pipeline.items()
            if name != RECORDER
            and (name not in self.lock or self._differs(declared, self.lock[name], made))
        ]  # fmt: skip

    def require_fresh(self) -> None:
        """Refuse results that are not of what stands beside them.

        Raises
        ------
        ProjectError
            With the stages that are stale.
        """
        if stale := self.stale():
            raise ProjectError(
                f"the results are not of the code, data and knobs beside them "
                f"({', '.join(stale)}): run `dvc repro` first"
            )

    def _differs(self, declared: Any, locked: Any, made: dict[str, str]) -> bool:
        deps = {dep["path"]: dep["md5"] for dep in locked.get("deps", [])}
        values = locked.get("params", {}).get("params.yaml", {})
        return (
            declared["cmd"] != locked["cmd"]
            or set(declared["deps"]) != set(deps)
            or set(declared.get("params", [])) != set(values)
            or any(md5 != (made.get(path) or self.md5(path)) for path, md5 in deps.items())
            or any(value != self._value(knob) for knob, value in values.items())
            or (
                self.revision is None
                and any(self.md5(out["path"]) != out["md5"] for out in locked.get("outs", []))
            )
        )

    def md5(self, path: str) -> str | None:
        """Return the MD5 of a file as it is, None where it is not there."""
        if path not in self._hashes:
            try:
                content = self.read(path)
            except ProjectError:
                self._hashes[path] = None
            else:
                self._hashes[path] = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return self._hashes[path]

    def _value(self, knob: str) -> Any:
        value: Any = self.params
        for part in knob.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _stages(self, path: str) -> dict[str, Any]:
        stages = self._yaml(path).get("stages")
        if not isinstance(stages, dict):
            raise ProjectError(f"{path} of {self} names no stages")
        return stages

    def _yaml(self, path: str) -> dict[str, Any]:
        try:
            content = YAML(typ="safe").load(self.read(path))
        except YAMLError as error:
            raise ProjectError(f"{path} of {self} is not valid YAML: {error}") from None
        if not isinstance(content, dict):
            raise ProjectError(f"{path} of {self} holds {content!r}; expected a mapping")
        return content

    def _missing(self, path: str) -> str:
        where = (
            "`dvc repro` makes it"
            if self.revision is None
            else f"`dvc fetch` brings it from a remote, `make review BASE={self.name}` makes it"
        )
        return f"{path} of {self} is in neither the DVC cache nor a remote: {where}"


def stages_of(lock: str) -> Mapping[str, Any] | None:
    """Return the stages that the text of a dvc.lock records, None where it is not one."""
    try:
        content = YAML(typ="safe").load(lock)
    except YAMLError:
        return None
    stages = content.get("stages") if isinstance(content, Mapping) else None
    return stages if isinstance(stages, Mapping) else None


def key_of(stages: Mapping[str, Any]) -> str:
    """Return what identifies the state whose stages dvc.lock records.

    Examples
    --------
    >>> key_of({"clean": {}, "track": {}}) == key_of({"clean": {}})
    True
    """
    content = {name: stage for name, stage in stages.items() if name != RECORDER}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def folder_state(folder: Path, name: str = WORKSPACE) -> State:
    """Return the state of a folder as it stands."""
    from fsspec.implementations.dirfs import DirFileSystem
    from fsspec.implementations.local import LocalFileSystem

    return State(name, None, DirFileSystem(str(folder), LocalFileSystem()))


def open_state(root: Path, name: str) -> State:
    """Return a state by its name.

    Parameters
    ----------
    root
        Folder of the project.
    name
        ``workspace``, a folder with another checkout, a git revision, or a DVC experiment.

    Raises
    ------
    ProjectError
        There is no such state.
    """
    folder = root if name == WORKSPACE else root / name
    if (folder / "dvc.yaml").is_file():
        return folder_state(folder, name)
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import SCMError, resolve_rev

    try:
        with Repo(str(root)) as repo:
            revision = resolve_rev(repo.scm, name)
        return State(
            name, revision, DVCFileSystem(str(root), rev=revision), (OSError, DvcException)
        )
    except (DvcException, SCMError) as error:
        raise ProjectError(
            f"{name!r} is no state of the project ({error}): expected a git revision, a DVC "
            f"experiment, {WORKSPACE!r} or a folder with a checkout"
        ) from None
