"""A state of the project: its files, and what dvc.lock records of them.

Commits and experiments are read through DVC, without checking anything out.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pandas as pd

from ecom.errors import ProjectError
from ecom.project.declaration import DeclaredStage, declared_stages
from ecom.project.files import LOCK, METRICS, PARAMS, PIPELINE, metrics_file
from ecom.project.formats import parse_metrics, parse_yaml
from ecom.project.lock import RECORDER, Lock, LockedStage
from ecom.project.repository import fetch_missing, prefix, require_history
from ecom.storage import RemoteError, cause_of, storage_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from ecom.results import Results

WORKSPACE: Final = "workspace"


@dataclass(frozen=True)
class State:
    """A commit, an experiment, or a folder as it stands.

    Attributes
    ----------
    name
        The name that the user asked for.
    revision
        The commit's 40 digits; None for a folder.
    """

    name: str
    revision: str | None
    _files: "AbstractFileSystem"
    _failures: tuple[type[Exception], ...] = ()  # what reading may raise besides errors of storage
    _hashes: dict[str, str | None] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the name, followed by the commit unless the name is the commit."""
        if self.revision is None or self.revision.startswith(self.name):
            return self.name
        return f"{self.name} ({self.revision[:7]})"

    def read(self, path: str) -> bytes:
        """Return the content of a file that git or DVC keeps.

        Raises
        ------
        ProjectError
            The file is not part of this state, or is in neither the cache nor a remote.
        RemoteError
            The file is not in the cache, and a remote refuses it, does not answer, or gives another
            content than dvc.lock records.
        """
        try:
            content: bytes = self._files.read_bytes(path)
            recorded = self._files.info(path).get("md5")  # of what DVC keeps
        except FileNotFoundError:
            raise ProjectError(self._not_found(path)) from None
        except (*self._failures, *storage_errors()) as error:
            if self.revision is None:
                raise ProjectError(f"{self._missing(path)} ({error})") from None
            raise RemoteError(
                f"{path} of {self} is not in the DVC cache, and no remote gives it: "
                f"{cause_of(error)}"
            ) from None
        if recorded not in (None, _md5(content)):
            raise RemoteError(
                f"{path} of {self} is not what {LOCK} records: the DVC cache or the remote was "
                "changed"
            )
        return content

    @cached_property
    def lock(self) -> Lock:
        """What dvc.lock records.

        Raises
        ------
        ProjectError
            The file is missing, or was cut off.
        """
        text = self.read(LOCK)
        try:
            return Lock.parse(text)
        except ValueError as error:
            raise ProjectError(
                f"{LOCK} of {self} is damaged ({error}): `make run` repairs it"
            ) from None

    @cached_property
    def pipeline(self) -> dict[str, DeclaredStage]:
        """What dvc.yaml declares of each stage."""
        content = self._yaml(PIPELINE)
        try:
            return declared_stages(content)
        except ValueError as error:
            raise ProjectError(f"{PIPELINE} of {self} {error}") from None

    @cached_property
    def params(self) -> dict[str, Any]:
        """The content of params.yaml."""
        content = self._yaml(PARAMS)
        if not isinstance(content, dict):
            raise ProjectError(f"{PARAMS} of {self} holds {content!r}; expected a mapping")
        return content

    @cached_property
    def metrics(self) -> "Results":
        """What each stage found: its metrics file, read when it is asked for.

        Raises
        ------
        ProjectError
            When a stage has not run, or its metrics cannot be read.
        """
        return cast("Results", _MetricsByStage(self))

    def holds(self, path: str) -> bool:
        """Tell whether a file is among the outputs of the state."""
        return path in self.lock.outs

    def table(self, path: str) -> pd.DataFrame:
        """Return a Parquet or CSV file as a frame.

        Raises
        ------
        ProjectError
            The file is missing or damaged.
        """
        from pyarrow import ArrowException

        content = BytesIO(self.read(path))
        try:
            return pd.read_parquet(content) if path.endswith(".parquet") else pd.read_csv(content)
        except (ArrowException, ValueError) as error:
            raise ProjectError(f"{path} of {self} cannot be read: {error}") from None

    def stale(self) -> list[str]:
        """Return the stages whose results do not belong to the code, data and params of the state.

        A stage is stale if dvc.lock records another command, input or value than the state holds,
        or if an output differs from what dvc.lock records. The stage ``track`` is skipped: it
        produces no result.
        """
        made = self.lock.outs
        return [
            name
            for name, declared in self.pipeline.items()
            if name != RECORDER
            and (
                name not in self.lock.stages
                or self._differs(declared, self.lock.stages[name], made)
            )
        ]

    def require_fresh(self) -> None:
        """Refuse a state with stale results.

        Raises
        ------
        ProjectError
            With the stages that are stale.
        """
        if stale := self.stale():
            raise ProjectError(
                f"the results of {', '.join(stale)} do not belong to the code, data and params "
                "beside them: run `dvc repro` first"
            )

    def _differs(
        self, declared: DeclaredStage, locked: LockedStage, made: Mapping[str, str]
    ) -> bool:
        return (
            declared.command != locked.command
            or set(declared.deps) != set(locked.deps)
            or set(declared.params) != set(locked.params)
            or any(md5 != (made.get(path) or self.md5(path)) for path, md5 in locked.deps.items())
            or any(value != self._value(name) for name, value in locked.params.items())
            or (
                self.revision is None
                and any(self.md5(path) != md5 for path, md5 in locked.outs.items())
            )
        )

    def md5(self, path: str) -> str | None:
        """Return the MD5 of a file, or None if it is missing."""
        if path not in self._hashes:
            try:
                content = self.read(path)
            except ProjectError:
                self._hashes[path] = None
            else:
                self._hashes[path] = _md5(content)
        return self._hashes[path]

    def _value(self, name: str) -> Any:
        value: Any = self.params
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _yaml(self, path: str) -> Any:
        text = self.read(path)
        try:
            return parse_yaml(text)
        except ValueError as error:
            raise ProjectError(f"{path} of {self} is {error}") from None

    def _not_found(self, path: str) -> str:
        try:
            if path != LOCK and self.holds(path):
                return self._missing(path)
        except ProjectError:
            pass  # no dvc.lock either: nothing has run
        advice = ": run `dvc repro`" if path.startswith((f"{METRICS}/", LOCK)) else ""
        return f"{self} has no {path}{advice}"

    def _missing(self, path: str) -> str:
        if self.revision is None:
            return f"{path} of {self} is missing: `dvc repro` makes it"
        return f"{path} of {self} is in neither the DVC cache nor a remote"


class _MetricsByStage(dict[str, Any]):
    """The metrics of each stage, read when they are asked for."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state

    def __missing__(self, stage: str) -> Any:
        path = metrics_file(stage)
        text = self._state.read(path)
        try:
            self[stage] = parse_metrics(text, f"{path} of {self._state}", ProjectError)
        except ValueError as error:
            raise ProjectError(f"{path} of {self._state} cannot be read: {error}") from None
        return self[stage]


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


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
        Root folder of the project.
    name
        ``workspace``, a folder with another checkout, a git revision, or a DVC experiment.

    Raises
    ------
    ProjectError
        There is no such state.
    """
    folder = root if name == WORKSPACE else root / name
    if (folder / PIPELINE).is_file():
        return folder_state(folder, name)
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import SCMError, resolve_rev
    from fsspec.implementations.dirfs import DirFileSystem

    try:
        require_history(root)
        below = prefix(root)
        with Repo(str(root)) as repo:
            revision = resolve_rev(repo.scm, name)
        fetch_missing(root, revision)
        files = DVCFileSystem(str(root), rev=revision, subrepos=bool(below))
        return State(
            name,
            revision,
            DirFileSystem(below.rstrip("/"), files) if below else files,
            (DvcException,),
        )
    except (DvcException, SCMError) as error:
        raise ProjectError(
            f"{name!r} is not a state of the project ({error}): expected a git revision, a DVC "
            f"experiment, {WORKSPACE!r} or a folder with a checkout"
        ) from None
