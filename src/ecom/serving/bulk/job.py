"""A job: its parts are scored side by side, each part once; what was killed goes on.

The output is the same, to the byte, whatever the number of workers and of interruptions.
"""

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from fsspec.implementations.local import LocalFileSystem
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from ecom.errors import DataError
from ecom.serving.bulk.checking import is_text, require_columns
from ecom.serving.bulk.inputs import PART_ROWS, Part, Plan, absolute, make_plan, open_filesystem
from ecom.serving.bulk.reading import read_blocks, read_schema
from ecom.serving.bulk.scored import score, written_columns
from ecom.serving.bulk.target import Target
from ecom.serving.bulk.workers import in_processes, on_cluster
from ecom.serving.package import Package, open_package
from ecom.storage import cause_of, storage_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

EXAMPLES: Final = 3  # faults that a message names
SPECIAL: Final = '[",\\r\\n]'  # what CSV has to quote


@dataclass(frozen=True)
class Settings:
    """What decides the output, besides sessions and package.

    Attributes
    ----------
    explain
        Whether the columns that move the log-odds most are added.
    accept_float32
        Whether numbers may have lost the digits that splits of trees need.
    part_rows
        About how many rows a part has.
    """

    explain: bool = False
    accept_float32: bool = False
    part_rows: int = PART_ROWS


@dataclass(frozen=True)
class Summary:
    """What was scored.

    Attributes
    ----------
    rows
        All rows, those that could not be scored among them.
    bad
        Rows with a value that is not allowed: they are in the output without a probability.
    broken
        Lines that are no rows: they are in the side file alone.
    flagged
        Rows whose probability reaches the threshold.
    examples
        The first faults, in words.
    passed_over
        Files of the folder that are no tables by their names.
    """

    rows: int = 0
    bad: int = 0
    broken: int = 0
    flagged: int = 0
    examples: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return a sentence."""
        broken = f", {self.broken:,} lines that are no rows" if self.broken else ""
        bad = f", {self.bad:,} without a score" if self.bad else ""
        return f"{self.rows:,} rows, {self.flagged:,} of them flagged{bad}{broken}"

    def plus(self, other: "Summary") -> "Summary":
        """Add what was scored of other rows."""
        return Summary(
            self.rows + other.rows,
            self.bad + other.bad,
            self.broken + other.broken,
            self.flagged + other.flagged,
            (*self.examples, *other.examples)[:EXAMPLES],
        )


def score_all(  # noqa: PLR0913  all that a job is
    source: str,
    target: str,
    package: Path,
    settings: Settings,
    *,
    workers: int = 1,
    cluster: str | None = None,
    max_bad: float = 0.5,
    overwrite: bool = False,
    report: Callable[[Summary, int | None], None] = lambda *_: None,
) -> tuple[Summary, Target, bool]:
    """Score a file or folder.

    Parameters
    ----------
    source, target
        Addresses. A file becomes a file, a folder a folder of Parquet parts.
    package
        Folder of the package.
    settings
        What decides the output.
    workers
        Processes; the output does not depend on it.
    cluster
        Address of a Dask scheduler, whose workers score instead. They must reach source and target
        by the same addresses.
    max_bad
        The share of rows that may be without a score. More stop the job.
    overwrite
        Whether the output of another job may be replaced.
    report
        Called after each part, with what was scored so far and about how many rows there are.

    Returns
    -------
    tuple
        What was scored, where it is, and whether there was something to do.

    Raises
    ------
    DataError
        The sessions cannot be read or are not those of the package, too many are wrong, or the
        target holds something else.
    PackageError
        The package is damaged.
    ClusterError
        The cluster cannot be used, or was lost.
    """
    if cluster is not None:  # a worker has another working directory
        source, target = map(absolute, (source, target))
    opened = _packages[package] = open_package(package)
    system, _ = open_filesystem(source)
    plan = make_plan(source, settings.part_rows)
    place = Target(target, folder=plan.folder)
    _require_apart(system, plan, place)
    schema, header = _output(system, plan, opened, place, settings)
    described = _described(plan, opened, settings)
    names = list(described["parts"])
    try:
        todo = place.begin(described, overwrite=overwrite)
        if not todo:
            done = _summary(place.read_json(place.manifest)["scored"])
            return replace(done, passed_over=plan.passed_over), place, False
        found = Summary()
        left = []
        for name, part in zip(names, plan.parts, strict=True):
            if place.has(name):
                found = found.plus(_summary(place.read_json(place.note(name))))
            else:
                left.append((name, part))
        job = Job(source, target, settings, plan.folder, opened.version)
        run = partial(score_part, job)
        scored = (
            in_processes(partial(run, package), left, workers)
            if cluster is None
            else on_cluster(run, left, cluster, opened.version, opened.contents)
        )
        for done in scored:
            found = found.plus(done)
            _require_few(found, max_bad, plan.rows)
            report(found, plan.rows)
        _require_few(found, max_bad, found.rows + found.broken)
        manifest = {"plan": described, "scored": _counts(found)}
        place.finish(names, schema, header, manifest)
    except storage_errors() as error:
        raise DataError(f"{target} cannot be written: {cause_of(error)}") from None
    except NotImplementedError:
        raise DataError(f"{target} cannot be written: it is no place for files") from None
    return replace(found, passed_over=plan.passed_over), place, True


def _output(
    system: "AbstractFileSystem", plan: Plan, package: Package, target: Target, settings: Settings
) -> tuple[pa.Schema, bytes]:
    """Return schema and CSV header of the output; refuse files that cannot be scored."""
    columns = package.manifest.columns
    found: dict[str, pa.Schema] = {}
    for part in plan.parts:
        name = part.source.name
        if name not in found:
            schema = read_schema(system, part)
            require_columns(schema, columns, name, accept_float32=settings.accept_float32)
            found[name] = written_columns(
                schema, columns, name, text=target.text, explain=settings.explain
            ).all
    first, *others = found.items()
    for name, schema in others:
        if schema != first[1]:
            differing = sorted(set(map(str, schema)) ^ set(map(str, first[1])))
            raise DataError(
                f"{name} and {first[0]} do not have the same columns, in the same order and of the "
                f"same types ({', '.join(differing) or 'other order'}): score them apart"
            )
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(first[1].names)
    return first[1], text.getvalue().encode()


def _require_apart(system: "AbstractFileSystem", plan: Plan, target: Target) -> None:
    """Refuse to write among the files that are scored, or over them."""
    if type(system) is not type(target.system):
        return
    local = isinstance(system, LocalFileSystem)

    def real(path: str) -> PurePosixPath:
        return PurePosixPath(os.path.realpath(path) if local else path)

    sources = {real(part.source.path) for part in plan.parts}
    for path in map(real, (target.path, target.bad_rows, target.manifest, target.work)):
        inside = plan.folder and real(plan.root) in (path, *path.parents)
        if inside or any(path in (source, *source.parents) for source in sources):
            raise DataError(f"{path} is among the files to score: choose another place")


def _described(plan: Plan, package: Package, settings: Settings) -> dict[str, Any]:
    """Return all that decides the output: package, settings, content of the files, parts."""
    names = {}
    for number, part in enumerate(plan.parts):
        source = part.source
        which = (
            f"{package.version} {settings} {source.name} {source.digest} {part.begin} {part.end}"
        )
        key = hashlib.blake2b(which.encode(errors="surrogateescape"), digest_size=4).hexdigest()
        names[f"part-{number:05d}-{key}.parquet"] = {
            "file": source.name,
            "begin": part.begin,
            "end": part.end,
        }
    return {
        "package": package.version,
        "settings": asdict(settings),
        "files": {part.source.name: part.source.digest for part in plan.parts},
        "parts": names,
    }


class Job(NamedTuple):
    """What scores a part, besides the package and the part.

    Attributes
    ----------
    source, target, settings
        As of `score_all`.
    folder
        Whether the target is a folder.
    version
        Of the package.
    """

    source: str
    target: str
    settings: Settings
    folder: bool
    version: str


def score_part(job: Job, package: Path, name: str, part: Part) -> Summary:
    """Score a part, and write it, what could not be scored of it, and a note of both.

    Raises
    ------
    DataError
        The part cannot be read.
    PackageError
        The package is not the one that the job began with.
    """
    opened = _opened(package, job.version)
    system, _ = open_filesystem(job.source)
    target = Target(job.target, folder=job.folder)
    columns, explain = opened.manifest.columns, job.settings.explain
    written = written_columns(
        read_schema(system, part), columns, name, text=target.text, explain=explain
    )
    found, side = Summary(), io.StringIO()
    writer = csv.writer(side, lineterminator="\n")
    with (
        _told(part.source.name),
        target.renamed(target.part(name)) as file,
        _writing(file, written.all, text=target.text) as write,
    ):
        for block in read_blocks(system, part):
            scored = score(opened, block, written)
            write(scored.table)
            faults = [
                (int(block.places[each.row]), each.column, each.rule, each.value)
                for each in scored.checked.faults
            ] + [(each.line, "", each.rule, each.value) for each in block.broken]
            faults.sort()
            writer.writerows((part.source.name, *fault) for fault in faults)
            found = found.plus(
                Summary(
                    rows=len(block.table),
                    bad=int((~scored.checked.good).sum()),
                    broken=len(block.broken),
                    flagged=scored.flagged,
                    examples=tuple(
                        f"{part.source.name}, {place:,}: {column or 'the line'} must be {rule}, "
                        f"got {value}"
                        for place, column, rule, value in faults[:EXAMPLES]
                    ),
                )
            )
    if side.getvalue():
        with target.renamed(target.side(name)) as file:
            file.write(side.getvalue().encode(errors="backslashreplace"))
    target.write_json(target.note(name), _counts(found) | {"examples": list(found.examples)})
    return found


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Say of which file it is that Arrow cannot take something."""
    try:
        yield
    except (pa.ArrowException, UnicodeError) as error:
        raise DataError(f"{name} holds what cannot be read or written: {error!s:.300}") from None


@contextmanager
def _writing(opened: Any, schema: pa.Schema, *, text: bool) -> Iterator[Callable[[pa.Table], None]]:
    """Yield what writes a block."""
    if text:
        yield lambda table: _write_csv(table, opened)
        return
    with parquet.ParquetWriter(opened, schema) as writer:
        yield writer.write_table


def _write_csv(table: pa.Table, opened: Any) -> None:
    """Write rows as CSV, with quotes only if a cell of theirs needs them."""
    texts = (column for column in table.columns if is_text(column.type))
    quoted = any(pc.any(pc.match_substring_regex(cells, SPECIAL)).as_py() for cells in texts)
    options = arrow_csv.WriteOptions(
        include_header=False, quoting_style="needed" if quoted else "none"
    )
    arrow_csv.write_csv(table, opened, options)


_packages: dict[Path, Package] = {}  # of this process


def _opened(folder: Path, version: str) -> Package:
    if folder not in _packages or _packages[folder].version != version:
        _packages[folder] = open_package(folder)
    if _packages[folder].version != version:
        raise DataError(f"{folder} was replaced while it was scoring: score again")
    return _packages[folder]


def _require_few(found: Summary, max_bad: float, rows: int | None) -> None:
    """Refuse more than a share of bad rows among all, as soon as that is certain."""
    bad = found.bad + found.broken
    if rows is not None and bad > max_bad * rows:
        examples = "".join(f"\n  - {example}" for example in found.examples)
        raise DataError(
            f"at least {bad:,} of {rows:,} rows cannot be scored, above --max-bad {max_bad:g} of "
            f"them:{examples}"
        )


def _counts(found: Summary) -> dict[str, Any]:
    return {"rows": found.rows, "bad": found.bad, "broken": found.broken, "flagged": found.flagged}


def _summary(scored: Mapping[str, Any]) -> Summary:
    return Summary(**{**scored, "examples": tuple(scored.get("examples", ()))})
