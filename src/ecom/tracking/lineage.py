"""From a file, a hash, a run or a commit to all the others: what was made of what, and when."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ecom.errors import ProjectError, TrackingError
from ecom.evaluation.metrics import COST
from ecom.project.files import BEST_MODEL, LOCK, PIPELINE, RAW, metrics_file
from ecom.project.formats import parse_metrics
from ecom.project.lock import Lock
from ecom.project.repository import git
from ecom.project.states import folder_state
from ecom.reporting.cells import metric_name, with_interval
from ecom.tracking.provenance import PREFIX, lock_at, parsed_lock
from ecom.tracking.runs import PIPELINE_EXPERIMENT
from ecom.tracking.store import REGISTERED, Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

HASH: Final = re.compile(r"[0-9a-f]{7,64}")
KEY_LENGTH: Final = 64  # of the key of a state
HERE: Final = "this folder"
NOW: Final = float("inf")  # when this folder was seen last


@dataclass
class Lineage:
    """One state, and everywhere it was seen.

    Attributes
    ----------
    lock
        Its dvc.lock.
    commits
        Commits that hold it, the oldest first; ``this folder`` for the workspace.
    runs
        In MLflow: id of each parent run, and where it was recorded.
    versions
        Versions of the registered model: number, aliases, and why it is or was champion.
    seen
        When it was seen last, in seconds since 1970.
    """

    lock: Lock
    commits: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    seen: float = 0


@dataclass(frozen=True)
class Trace:
    """All states that something is part of.

    Attributes
    ----------
    what
        What was asked for, and what it was taken for.
    lineages
        The states, that which was seen last at the end.
    unreachable
        Why MLflow could not be asked; None if it was asked.
    """

    what: str
    lineages: list[Lineage]
    unreachable: str | None


def trace(root: Path, what: str) -> Trace:
    """Find the states that a file, hash, run or commit is part of.

    Parameters
    ----------
    root
        Root folder of the project.
    what
        A file of the project, or a copy of one elsewhere; its MD5; the SHA-256 of a state, or of a
        package, which the service names; the id of an MLflow run; a git revision; or the name of a
        DVC experiment.

    Raises
    ------
    ProjectError
        Nothing with this name or content is known.
    """
    wanted, meaning = _resolve(root, what)
    found: dict[str, Lineage] = {}
    unreachable = None
    try:
        with Store(root).client(create=False) as client:
            runs = list(_parent_runs(client))
            keys = {_tags(run)["state"] for run in runs if _is_about(run, wanted)}
            _search_git(root, wanted, keys, found)
            _search_runs(client, runs, wanted, found)
    except TrackingError as error:
        unreachable = str(error)
        found.clear()
        _search_git(root, wanted, set(), found)
    if not found:
        raise ProjectError(
            f"no state that git or MLflow knows contains {meaning}"
            + (f" ({unreachable})" if unreachable else "")
            + ": expected a file, its MD5, the id of a run or a git revision"
        )
    return Trace(meaning, sorted(found.values(), key=lambda one: one.seen), unreachable)


def _resolve(root: Path, what: str) -> tuple[str, str]:
    """Return what to look for, and what it is."""
    if what == LOCK:
        key = folder_state(root).lock.key
        return key, f"{LOCK} (state {key})"
    file = root / what  # also an absolute path, such as where a model is served
    if file.is_file():
        md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        return md5, f"the file {what} (MD5 {md5})"
    commit = git(root, "rev-parse", "--verify", "--quiet", f"{what}^{{commit}}")
    if commit:
        return commit, f"the commit {commit}"
    # DVC keeps an experiment under the commit that it was made from.
    experiment = git(root, "for-each-ref", "--format=%(objectname)", f"refs/exps/*/*/{what}")
    if experiment:
        commit = experiment.split()[-1]
        return commit, f"the experiment {what} (commit {commit})"
    if what in _declared_outs(root):
        raise ProjectError(f"{what} is missing: `dvc repro` makes it")
    if not HASH.fullmatch(what):
        raise ProjectError(
            f"{what!r} is neither a file of the project, nor a git revision, nor a DVC experiment, "
            "nor a hash, nor the id of a run"
        )
    return what, f"the hash or run {what}"


def _declared_outs(root: Path) -> set[str]:
    """Return every path that a stage of the project writes."""
    stages = folder_state(root).pipeline.values() if (root / PIPELINE).is_file() else ()
    return {path for stage in stages for path in stage.outs}


def _search_git(root: Path, wanted: str, keys: set[str], found: dict[str, Lineage]) -> None:
    """Add the commits, and this folder, that hold what is wanted or a state among `keys`."""
    for commit, lock in _commits(root, wanted, keys):
        lineage = _lineage(lock, found)
        lineage.commits.append(commit)
        when = float(git(root, "log", "-1", "--format=%ct", commit) or 0)
        lineage.seen = max(lineage.seen, when)
    path = root / LOCK
    lock_here = parsed_lock(path.read_text(encoding="utf-8")) if path.is_file() else None
    if lock_here and (lock_here.mentions(wanted) or lock_here.key in keys | set(found)):
        lineage = _lineage(lock_here, found)
        lineage.commits.append(HERE)
        lineage.seen = NOW


def _search_runs(
    client: "MlflowClient", runs: list[Any], wanted: str, found: dict[str, Lineage]
) -> None:
    """Add the runs of what is wanted or of a state found, with their model versions."""
    for run in runs:
        if _tags(run)["state"] in found or _is_about(run, wanted):
            lock = _lock_of(client, run)
            if lock:
                lineage = _lineage(lock, found)
                lineage.runs.append(_describe(run))
                lineage.versions += _versions(client, run.info.run_id)
                lineage.seen = max(lineage.seen, run.info.start_time / 1000)


def _lineage(lock: Lock, found: dict[str, Lineage]) -> Lineage:
    return found.setdefault(lock.key, Lineage(lock))


def _commits(root: Path, wanted: str, keys: set[str]) -> Iterator[tuple[str, Lock]]:
    """Yield the commit that is wanted, or all whose dvc.lock mentions it, the oldest first."""
    if git(root, "cat-file", "-t", wanted) == "commit":
        if lock := lock_at(root, wanted):
            yield wanted, lock
        return
    touched = git(root, "log", "--all", "--full-history", "--reverse", "--format=%H", "--", LOCK)
    for commit in (touched or "").split():
        text = git(root, "show", f"{commit}:./{LOCK}") or ""
        # Parsing is slow, and most commits do not mention what is wanted.
        if wanted in text or keys or len(wanted) == KEY_LENGTH:
            lock = parsed_lock(text)
            if lock and (lock.mentions(wanted) or lock.key in keys):
                yield commit, lock


def _parent_runs(client: "MlflowClient") -> Iterator[Any]:
    """Yield the parent run of each state, the oldest first."""
    experiment = client.get_experiment_by_name(PIPELINE_EXPERIMENT)
    if experiment is None:
        return
    for run in client.search_runs(
        [experiment.experiment_id], order_by=["attributes.start_time ASC"], max_results=50_000
    ):
        if "mlflow.parentRunId" not in run.data.tags and "state" in _tags(run):
            yield run


def _tags(run: Any) -> dict[str, str]:
    """Return our own tags. The commit is left out if it does not contain the state."""
    tags = {
        name.removeprefix(PREFIX): value
        for name, value in run.data.tags.items()
        if name.startswith(PREFIX)
    }
    if tags.get("dirty") == "true":
        tags.pop("commit", None)
    return tags


def _is_about(run: Any, wanted: str) -> bool:
    values = [run.info.run_id, *_tags(run).values()]
    return any(value.startswith(wanted) for value in values)


def _lock_of(client: "MlflowClient", run: Any) -> Lock | None:
    with TemporaryDirectory() as folder:
        path = client.download_artifacts(run.info.run_id, LOCK, folder)
        return parsed_lock(Path(path).read_text(encoding="utf-8"))


def _describe(run: Any) -> str:
    tags: Mapping[str, str] = run.data.tags
    commit, experiment = tags.get(f"{PREFIX}commit"), tags.get(f"{PREFIX}experiment")
    parts = [
        run.info.run_id,
        f"recorded at commit {commit[:7]}" if commit else "recorded outside git",
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
        line = f"{REGISTERED} version {version.version}" + (f" ({aliases})" if aliases else "")
        if REASON in whole.tags:
            when = "champion since" if CHAMPION in whole.aliases else "was made champion on"
            line += f"; {when} {whole.tags[SINCE]}: {whole.tags[REASON]}"
        yield line


def to_text(root: Path, found: Trace, *, whole: bool = False) -> str:
    """Write a trace: where the state that was seen last was seen, its data, model and figures.

    Parameters
    ----------
    root
        Root folder of the project.
    found
        As from `trace`.
    whole
        Whether to write all states, and the last one stage by stage.
    """
    *others, last = found.lineages
    parts = [f"{found.what} is part of {len(found.lineages)} state(s) of the pipeline"]
    if found.unreachable:
        parts.append(f"from git alone: {found.unreachable}")
    for lineage in (*others, last) if whole else (last,):
        parts += ["", f"state {lineage.lock.key}", *(f"  {line}" for line in _seen(root, lineage))]
    if whole:
        parts += ["", "stage by stage" + (", of the last one" if others else "")]
        return "\n".join([*parts, *(f"  {line}" for line in stage_by_stage(last.lock))])
    outs = last.lock.outs
    parts += [f"  {path}, MD5 {outs[path]}" for path in (RAW, BEST_MODEL) if path in outs]
    rest = "every param, input and output"
    if others:
        rest = f"{len(others)} other state(s), and {rest}"
    return "\n".join([*parts, "", f"With --all: {rest}"])


def _seen(root: Path, lineage: Lineage) -> Iterator[str]:
    for commit in lineage.commits:
        line = git(root, "log", "-1", "--format=%h of %cs, %s", commit)
        yield f"commit {line}" if line and commit != HERE else commit
    for run in lineage.runs:
        yield f"MLflow run {run}"
    yield from lineage.versions
    if metrics := _metrics(root, lineage):
        yield metrics


def _metrics(root: Path, lineage: Lineage) -> str | None:
    """Return the headline of the commit, or of the folder, that holds the state."""
    path = metrics_file("evaluate")
    for commit in lineage.commits:
        if commit == HERE:
            text = (root / path).read_text(encoding="utf-8") if (root / path).is_file() else None
        else:
            text = git(root, "show", f"{commit}:./{path}")
        try:
            found = parse_metrics(text or "", path, ProjectError)
            figures = [
                f"{metric_name(metric)} {with_interval(found, 'best_model', metric)}"
                for metric in ("pr_auc", "roc_auc", COST)
            ]
        except (ValueError, ProjectError):
            continue
        return "on the test rows: " + ", ".join(figures)
    return None


def stage_by_stage(lock: Lock) -> Iterator[str]:
    """Yield lines on each stage: its params, inputs and outputs."""
    made = lock.outs
    for name, stage in lock.results.items():
        yield name
        for setting, value in stage.settings.items():
            yield f"  by {setting} = {value}"
        for path, md5 in stage.deps.items():
            if path in made:
                yield f"  from {path} {md5}"
        if code := [path for path in stage.deps if path not in made]:
            yield f"  with {len(code)} files of code and requirements, as in the commit"
        for path, md5 in stage.outs.items():
            yield f"  made {path} {md5}"
