"""From a file, a hash, a run or a commit to all the others: what was made of what, and when."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ecom.errors import ProjectError, TrackingError
from ecom.notation import COST, METRIC_NAMES, bracketed
from ecom.repository import git
from ecom.states import RECORDER, folder_state, key_of, stages_of
from ecom.tracking.provenance import PREFIX
from ecom.tracking.runs import PIPELINE, settings_of
from ecom.tracking.store import REGISTERED, Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

HASH: Final = re.compile(r"[0-9a-f]{7,64}")
KEY_LENGTH: Final = 64  # of the key of a state
HERE: Final = "this folder"


@dataclass
class Lineage:
    """One state, and everywhere it was seen.

    Attributes
    ----------
    key
        Of the state.
    lock
        What dvc.lock records of its stages.
    commits
        That hold it, the oldest first; ``this folder`` for the workspace.
    runs
        In MLflow: id of each parent run, and where it was tracked.
    versions
        Of the registered model: number, aliases and why it is or was champion.
    """

    key: str
    lock: Mapping[str, Any]
    commits: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Trace:
    """All states that something is part of.

    Attributes
    ----------
    what
        That was asked for, and what it was taken for.
    lineages
        The oldest first.
    unreachable
        Why MLflow could not be asked; None where it was.
    """

    what: str
    lineages: list[Lineage]
    unreachable: str | None


def trace(root: Path, what: str) -> Trace:
    """Find the states that a file, hash, run or commit is part of.

    Parameters
    ----------
    root
        Of the project.
    what
        A file of the project, or a copy of one elsewhere; its MD5; the SHA-256 of a state; the
        id of an MLflow run; or a git revision.

    Raises
    ------
    ProjectError
        Nothing of that name or content is known.
    """
    wanted, told = _resolve(root, what)
    found: dict[str, Lineage] = {}
    unreachable = None
    try:
        with Store(root).client(create=False) as client:
            runs = list(_parents(client))
            keys = {_tags(run)["state"] for run in runs if _is_of(run, wanted)}
            _look_in_git(root, wanted, keys, found)
            _look_at_runs(client, runs, wanted, found)
    except TrackingError as error:
        unreachable = str(error)
        found.clear()
        _look_in_git(root, wanted, set(), found)
    if not found:
        raise ProjectError(
            f"{told} is part of no state that git or MLflow knows"
            + (f" ({unreachable})" if unreachable else "")
            + ": expected a file, its MD5, the id of a run or a git revision"
        )
    return Trace(told, list(found.values()), unreachable)


def _resolve(root: Path, what: str) -> tuple[str, str]:
    """Return what to look for, and what it is."""
    if what == "dvc.lock":
        key = folder_state(root).key
        return key, f"dvc.lock (state {key})"
    file = root / what  # which may be elsewhere, where a model is served
    if file.is_file():
        md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        return md5, f"the file {what} (MD5 {md5})"
    commit = git(root, "rev-parse", "--verify", "--quiet", f"{what}^{{commit}}")
    if commit:
        return commit, f"the commit {commit}"
    if not HASH.fullmatch(what):
        raise ProjectError(
            f"{what!r} is no file of the project and no git revision, nor is it a hash or the id "
            "of a run"
        )
    return what, f"the hash or run {what}"


def _look_in_git(root: Path, wanted: str, keys: set[str], found: dict[str, Lineage]) -> None:
    """Add the commits, and this folder, that hold what is wanted or a state of `keys`."""
    for commit, lock in _commits(root, wanted, keys):
        _at(lock, found).commits.append(commit)
    for lock in _workspace(root):
        if _mentions(lock, wanted) or key_of(lock) in keys | set(found):
            _at(lock, found).commits.append(HERE)


def _look_at_runs(
    client: "MlflowClient", runs: list[Any], wanted: str, found: dict[str, Lineage]
) -> None:
    """Add the runs that are of what is wanted or of a state found, with their versions."""
    for run in runs:
        if _tags(run)["state"] in found or _is_of(run, wanted):
            for lock in _lock_of(client, run):
                _at(lock, found).runs.append(_described(run))
                _at(lock, found).versions += _versions(client, run.info.run_id)


def _at(lock: Mapping[str, Any], found: dict[str, Lineage]) -> Lineage:
    return found.setdefault(key_of(lock), Lineage(key_of(lock), lock))


def _commits(root: Path, wanted: str, keys: set[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield commits, the oldest first, that are wanted or whose dvc.lock mentions what is."""
    if git(root, "cat-file", "-t", wanted) == "commit":
        for lock in _parsed(git(root, "show", f"{wanted}:./dvc.lock") or ""):
            yield wanted, lock
        return
    touched = git(
        root, "log", "--all", "--full-history", "--reverse", "--format=%H", "--", "dvc.lock"
    )
    for commit in (touched or "").split():
        text = git(root, "show", f"{commit}:./dvc.lock") or ""
        # Parsing is dear, and most commits do not mention it.
        if wanted in text or keys or len(wanted) == KEY_LENGTH:
            for lock in _parsed(text):
                if _mentions(lock, wanted) or key_of(lock) in keys:
                    yield commit, lock


def _workspace(root: Path) -> Iterator[Mapping[str, Any]]:
    path = root / "dvc.lock"
    if path.is_file():
        yield from _parsed(path.read_text(encoding="utf-8"))


def _parsed(text: str) -> Iterator[Mapping[str, Any]]:
    if stages := stages_of(text):
        yield stages


def _mentions(lock: Mapping[str, Any], wanted: str) -> bool:
    files = {
        file.get("md5", "")
        for stage in lock.values()
        for kind in ("deps", "outs")
        for file in stage.get(kind, [])
    }
    return any(md5.startswith(wanted) for md5 in files) or key_of(lock).startswith(wanted)


def _parents(client: "MlflowClient") -> Iterator[Any]:
    """Yield the parent run of each state, the oldest first."""
    experiment = client.get_experiment_by_name(PIPELINE)
    if experiment is None:
        return
    for run in client.search_runs(
        [experiment.experiment_id], order_by=["attributes.start_time ASC"], max_results=50_000
    ):
        if "mlflow.parentRunId" not in run.data.tags and "state" in _tags(run):
            yield run


def _tags(run: Any) -> dict[str, str]:
    """Return the tags that are ours; without the commit where that does not hold the state."""
    tags = {
        name.removeprefix(PREFIX): value
        for name, value in run.data.tags.items()
        if name.startswith(PREFIX)
    }
    if tags.get("dirty") == "true":
        tags.pop("commit", None)
    return tags


def _is_of(run: Any, wanted: str) -> bool:
    values = [run.info.run_id, *_tags(run).values()]
    return any(value.startswith(wanted) for value in values)


def _lock_of(client: "MlflowClient", run: Any) -> Iterator[Mapping[str, Any]]:
    with TemporaryDirectory() as folder:
        path = client.download_artifacts(run.info.run_id, "dvc.lock", folder)
        yield from _parsed(Path(path).read_text(encoding="utf-8"))


def _described(run: Any) -> str:
    tags = run.data.tags
    commit, experiment = tags.get(f"{PREFIX}commit"), tags.get(f"{PREFIX}experiment")
    parts = [
        run.info.run_id,
        f"tracked at commit {commit[:7]}" if commit else "tracked outside git",
        *(["before it was committed"] if commit and tags.get(f"{PREFIX}dirty") == "true" else []),
        *([f"in experiment {experiment}"] if experiment else []),
        *([f"PR-AUC {run.data.metrics['pr_auc']:.3f}"] if "pr_auc" in run.data.metrics else []),
    ]
    return ", ".join(parts)


def _versions(client: "MlflowClient", run_id: str) -> Iterator[str]:
    from ecom.tracking.registry import CHAMPION, REASON, SINCE

    for version in client.search_model_versions(f"name='{REGISTERED}' and run_id='{run_id}'"):
        whole = client.get_model_version(REGISTERED, version.version)
        aliases = ", ".join(whole.aliases)
        told = f"{REGISTERED} version {version.version}" + (f" ({aliases})" if aliases else "")
        if REASON in whole.tags:
            when = "champion since" if CHAMPION in whole.aliases else "was made champion on"
            told += f"; {when} {whole.tags[SINCE]}: {whole.tags[REASON]}"
        yield told


def to_text(root: Path, found: Trace) -> str:
    """Write a trace: where each state is seen, and the newest from its data to its model."""
    newest = found.lineages[-1]
    parts = [f"{found.what} is part of {len(found.lineages)} state(s) of the pipeline"]
    if found.unreachable:
        parts.append(f"from git alone: {found.unreachable}")
    for lineage in found.lineages:
        parts += ["", f"state {lineage.key}", *(f"  {line}" for line in _seen(root, lineage))]
    parts += ["", "stage by stage" + (", of the last" if len(found.lineages) > 1 else "")]
    return "\n".join([*parts, *(f"  {line}" for line in _stages(newest.lock))])


def _seen(root: Path, lineage: Lineage) -> Iterator[str]:
    for commit in lineage.commits:
        told = git(root, "log", "-1", "--format=%h of %cs, %s", commit)
        yield f"commit {told}" if told and commit != HERE else commit
    for run in lineage.runs:
        yield f"MLflow run {run}"
    yield from lineage.versions
    if metrics := _metrics(root, lineage):
        yield metrics


def _metrics(root: Path, lineage: Lineage) -> str | None:
    """Return the headline of the commit, or of the folder, that holds the state."""
    path = Path("metrics", "evaluate.json")
    for commit in lineage.commits:
        if commit == HERE:
            text = (root / path).read_text(encoding="utf-8") if (root / path).is_file() else None
        else:
            text = git(root, "show", f"{commit}:./{path.as_posix()}")
        try:
            found = json.loads(text or "")
            figures = [
                f"{METRIC_NAMES[metric]} {bracketed(found, 'best_model', metric)}"
                for metric in ("pr_auc", "roc_auc", COST)
            ]
        except (ValueError, KeyError):
            continue
        return "on the test rows: " + ", ".join(figures)
    return None


def _stages(lock: Mapping[str, Any]) -> Iterator[str]:
    made = {out["path"] for stage in lock.values() for out in stage.get("outs", [])}
    for name, stage in lock.items():
        if name == RECORDER:
            continue
        yield name
        for knob, value in settings_of(stage).items():
            yield f"  by {knob} = {value}"
        for dep in stage.get("deps", []):
            if dep["path"] in made:
                yield f"  from {dep['path']} {dep['md5']}"
        code = [dep for dep in stage.get("deps", []) if dep["path"] not in made]
        if code:
            yield f"  with {len(code)} files of code and requirements, as in the commit"
        for out in stage.get("outs", []):
            yield f"  made {out['path']} {out['md5']}"
