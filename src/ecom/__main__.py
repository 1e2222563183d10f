"""Commands on the project as a whole: ``python -m ecom COMMAND``, in its root folder."""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from ecom.errors import DataError, EcomError, ParamsError, ProjectError, ServiceError, describe
from ecom.project.files import (
    DRIFT,
    LOCK,
    PACKAGE,
    PARAMS,
    PIPELINE,
    PLOTS_PAGE,
    RAW,
    README,
    REPORT,
    RETRAINED,
    REVIEW,
    SYNTHETIC,
)
from ecom.project.params_file import read_params
from ecom.serving.limits import KEEPING, LIMITS, Keeping, Limits
from ecom.settings import tolerate_settings

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


Form = Literal["terminal", "markdown", "json"]
STANDALONE: Final = ("drift", "score", "serve", "worker")  # a package needs no project around it
READERS: Final = ("compare", "lineage", "promote", "report", "review", "track")  # of results


@app.callback()
def check_project(context: typer.Context) -> None:
    """Commands on the project as a whole, in its root folder."""
    if context.invoked_subcommand in STANDALONE:
        return
    if not Path(PIPELINE).exists():
        raise ProjectError(
            f"no {PIPELINE} in {Path.cwd()}: change to the root folder of the project"
        )
    only_synthetic = not Path(RAW).exists() and (Path(SYNTHETIC) / LOCK).exists()
    if context.invoked_subcommand in READERS and only_synthetic:
        raise ProjectError(
            "no source of the raw data answered, so the only results here are those on "
            f"generated sessions: `cd {SYNTHETIC} && python -m ecom {context.invoked_subcommand}` "
            "shows them"
        )


@app.command()
def run() -> None:
    """Run the pipeline, on synthetic sessions if there is no data, and print the results."""
    from ecom.project.quickstart import run_pipeline
    from ecom.reporting.summary import print_summary, summarise

    root = run_pipeline(_checked_root())
    print_summary(summarise(root), root)


@app.command()
def docs() -> None:
    """Write the results of metrics/ into README.md, and the page around the plots of DVC."""
    from ecom.reporting.summary import summarise, with_results
    from ecom.reporting.vega import plots_page

    path = Path(README)
    _write(path, with_results(path.read_text(encoding="utf-8"), summarise(Path.cwd())))
    _write(Path(PLOTS_PAGE), plots_page())


@app.command()
def deps() -> None:
    """Write the modules that each stage imports into dvc.yaml, as its dependencies."""
    from ecom.project.deps import with_code_deps

    path = Path(PIPELINE)
    _write(path, with_code_deps(Path.cwd(), path.read_text(encoding="utf-8")))


@app.command()
def compare(
    base: Annotated[str, typer.Argument(help="state to compare with")] = "HEAD",
    head: Annotated[str, typer.Argument(help="state to judge")] = "workspace",
    *,
    form: Annotated[Form, typer.Option("--format", help="of the output")] = "terminal",
    gate: Annotated[
        bool,
        typer.Option(
            "--gate", help="exit with status 1 if worse, with status 3 if that cannot be told"
        ),
    ] = False,
) -> None:
    """Tell whether HEAD's model is better than BASE's, worse or no worse, and what changed.

    Either is a git revision, a DVC experiment, a folder with another checkout, or "workspace".
    """
    from ecom.project.states import open_state
    from ecom.review.obtaining import obtained
    from ecom.review.outcome import compare_states
    from ecom.review.verdicts import Rules
    from ecom.review.wording import to_markdown

    root = Path.cwd()
    rules = Rules.from_params(read_params(root))
    with (
        obtained(root, open_state(root, base)) as before,
        obtained(root, open_state(root, head)) as after,
    ):
        comparison = compare_states(before, after, rules)
    _print(form, comparison.to_json(), to_markdown(comparison))
    if gate:
        sys.exit(comparison.exit_status)


@app.command()
def review(
    target: Annotated[
        str | None,
        typer.Argument(
            help="branch that the changes go into; by default the remote's default, or main"
        ),
    ] = None,
    *,
    output: Annotated[
        Path, typer.Option(help="folder for review.md, review.json and curves.png")
    ] = Path(REVIEW),
    allow_cannot_tell: Annotated[
        bool, typer.Option("--allow-cannot-tell", help="exit with 0 if the verdict is cannot tell")
    ] = False,
) -> None:
    """Compare this folder with the commit at which its branch left TARGET, as pull requests do.

    Exits with status 1 if the model is worse, with status 3 if that cannot be told.
    """
    from ecom.project.repository import default_branch
    from ecom.review.branch import CURVES, review
    from ecom.review.verdicts import CANNOT_TELL
    from ecom.review.wording import failure_to_markdown, to_markdown

    def tell(reason: str) -> None:
        _write(output / "review.md", failure_to_markdown(reason))

    with undecidable_if_it_fails(tell):
        output.mkdir(parents=True, exist_ok=True)
        for name in (CURVES, "review.json", "review.md"):
            (output / name).unlink(missing_ok=True)
        with review(_checked_root(), target or default_branch(Path.cwd())) as reviewed:
            comparison = reviewed.comparison
            picture = CURVES if comparison.findings else None
            if picture:
                reviewed.draw(output / picture)
        _write(output / "review.md", to_markdown(comparison, picture))
        _write(output / "review.json", _json(comparison.to_json()) + "\n")
        _show(to_markdown(comparison))
        allowed = allow_cannot_tell and comparison.verdict == CANNOT_TELL and not comparison.stale
        sys.exit(0 if allowed else comparison.exit_status)


@app.command()
def report(
    output: Annotated[Path, typer.Option(help="file to write")] = Path(REPORT),
) -> None:
    """Write the results of this folder as one page that opens offline."""
    from ecom.reporting.page import write_report

    page = write_report(_checked_root())
    output.parent.mkdir(parents=True, exist_ok=True)
    _write(output, page)
    print(f"{output}: open it in a browser; it needs no network")


@app.command()
def track() -> None:
    """Record the state of this folder in MLflow, unless it is recorded already."""
    from ecom.tracking.record import record

    recorded = record(_checked_root())
    print(f"run {recorded.run_id} at {recorded.address}")


@app.command()
def lineage(
    what: Annotated[
        str, typer.Argument(help="file, hash, id of an MLflow run, git revision, or DVC experiment")
    ],
    *,
    whole: Annotated[
        bool, typer.Option("--all", help="all states, and each stage with params, inputs, outputs")
    ] = False,
) -> None:
    """Print the newest state of the pipeline that contains WHAT: commits, runs, data, model."""
    from ecom.tracking.lineage import to_text, trace

    print(to_text(Path.cwd(), trace(Path.cwd(), what), whole=whole))


@app.command()
def package(
    output: Annotated[Path, typer.Argument(help="folder to write to")] = Path("dist"),
    *,
    source: Annotated[Path, typer.Option("--package", help="folder of the package")] = Path(
        PACKAGE
    ),
) -> None:
    """Write the package as a wheel, which needs numpy and ONNX Runtime alone."""
    from ecom.serving.wheel import write_wheel

    print(write_wheel(source, output))


@app.command()
def worker(
    address: Annotated[str, typer.Argument(help="of a Dask scheduler, as `dask scheduler` prints")],
    *,
    processes: Annotated[int, typer.Option("--workers", min=1, help="processes")] = 1,
    memory: Annotated[
        str, typer.Option("--memory", help="of a process, such as 4GiB, above which it starts anew")
    ] = "auto",
) -> None:
    """Work for a cluster, with the threads and kernels that stages have, until stopped."""
    from ecom.cluster.worker import become_worker

    become_worker(address, processes, memory)


@app.command()
def serve(  # noqa: PLR0913  each is a limit that operators set
    *,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any free one", min=0, max=65535)] = 8000,
    source: Annotated[
        Path | None, typer.Option("--package", help=f"folder of the package; {PACKAGE} by default")
    ] = None,
    max_bytes: Annotated[int, typer.Option(help="of a request", min=1)] = LIMITS.body,
    max_sessions: Annotated[int, typer.Option(help="in a request", min=1)] = LIMITS.sessions,
    max_requests: Annotated[
        int, typer.Option(help="that are answered at a time", min=1)
    ] = LIMITS.concurrency,
    max_connections: Annotated[
        int, typer.Option(help="that are open at a time", min=1)
    ] = LIMITS.connections,
    timeout: Annotated[float, typer.Option(help="seconds for a request", min=0.1)] = LIMITS.seconds,
    drain: Annotated[
        float, typer.Option(help="seconds that SIGTERM leaves load balancers", min=0)
    ] = LIMITS.drain,
    store: Annotated[
        str | None,
        typer.Option(help="file (SQLite) or postgresql:// address, which keeps POST /feedback"),
    ] = None,
    log_scores: Annotated[
        bool, typer.Option("--log-scores", help="keep sessions and scores in the store too")
    ] = False,
    keep_rows: Annotated[
        int, typer.Option(help="most scores, and most outcomes, to keep", min=1)
    ] = KEEPING.rows,
    keep_days: Annotated[float, typer.Option(help="most days to keep them", min=0)] = KEEPING.days,
) -> None:
    """Answer requests with the package: predictions and reasons as JSON, a page at /.

    ECOM_API_KEY, if set, is the key that requests must bring; ECOM_ADMIN_KEY the key to replace the
    package by POST /admin/reload, which SIGHUP does too.
    """
    from ecom.serving.guard import Keys
    from ecom.serving.server import serve

    limits = Limits(max_bytes, max_sessions, max_requests, max_connections, timeout, drain)
    keys = Keys(os.environ.get("ECOM_API_KEY"), os.environ.get("ECOM_ADMIN_KEY"))
    if log_scores and store is None:
        raise ServiceError("--log-scores needs a --store that keeps them")
    keeping = Keeping(log_scores, keep_rows, keep_days)
    serve(source or _own_package(), host, port, limits, keys, store=store, keeping=keeping)


@app.command()
def score(  # noqa: PLR0913  each is a choice of its own
    source: Annotated[
        str, typer.Argument(help="file or folder of sessions, CSV or Parquet; a path or an address")
    ],
    target: Annotated[
        str, typer.Argument(help="a file becomes a file, .csv or .parquet; a folder a folder")
    ],
    *,
    package: Annotated[
        Path | None, typer.Option(help=f"folder of the package; {PACKAGE} by default")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="add the columns that move each score most")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="processes; as many as there are cores by default", min=1)
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--dask",
            help="address of a scheduler whose workers score, tcp://…; they must reach the files",
        ),
    ] = None,
    max_bad: Annotated[
        float, typer.Option(help="share of rows that may be without a score", min=0, max=1)
    ] = 0.5,
    accept_float32: Annotated[
        bool, typer.Option("--accept-float32", help="score numbers that have lost digits")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="replace what another run has written there")
    ] = False,
) -> None:
    """Add probability, decision and model version to sessions in files; go on if interrupted.

    Rows with a value that the model does not take get no probability, and stand in a file of their
    own with the reason.
    """
    from ecom.serving.bulk.job import Settings, score_all
    from ecom.serving.bulk.progress import progress

    if workers and cluster:
        raise DataError("--workers are processes of this machine, --dask has its own: choose one")
    with progress() as report:
        found, written, done = score_all(
            source,
            target,
            package or _own_package(),
            Settings(explain, accept_float32),
            workers=workers or len(os.sched_getaffinity(0)),
            cluster=cluster,
            max_bad=max_bad,
            overwrite=overwrite,
            report=report,
        )
    print(f"{written.path}: {found}" if done else f"{written.path} was complete: {found}")
    if found.passed_over:
        named = ", ".join(found.passed_over[:3]) + (", ..." if found.passed_over[3:] else "")
        print(f"passed over, being no tables by their names: {named}")
    if found.bad or found.broken:
        print(f"{written.bad_rows}: why {found.bad + found.broken:,} of them have no score")


@app.command()
def drift(  # noqa: PLR0913  each is a choice of its own
    reference: Annotated[
        str, typer.Argument(help="sessions as they were: a file, a folder, or a package")
    ],
    new: Annotated[
        str | None, typer.Argument(help="new sessions: a file or folder, CSV or Parquet")
    ] = None,
    *,
    from_store: Annotated[
        str | None,
        typer.Option("--from-store", help="take the sessions that `serve --log-scores` has kept"),
    ] = None,
    days: Annotated[
        float | None, typer.Option(help="of the store, the last days alone", min=0)
    ] = None,
    package: Annotated[
        Path | None,
        typer.Option(help=f"what scores them; by default REFERENCE if it is one, else {PACKAGE}"),
    ] = None,
    block: Annotated[
        str | None,
        typer.Option(help="column that says which sessions belong together, such as their day"),
    ] = None,
    smallest: Annotated[
        float, typer.Option(help="difference of a share that matters", min=0, max=1)
    ] = 0.02,
    output: Annotated[Path, typer.Option(help="folder for drift.html and drift.json")] = Path(
        DRIFT
    ),
) -> None:
    """Tell whether NEW sessions differ from REFERENCE by more than chance, and how the model does.

    Exits with status 0 if no drift was seen, 1 if there is drift, 3 if that cannot be told.
    """
    from ecom.drift.outcome import Settings, find_drift, find_drift_in_store
    from ecom.drift.wording import to_markdown
    from ecom.reporting.drift import drift_page
    from ecom.serving.manifest import MANIFEST
    from ecom.serving.package import open_package

    own = Path(reference) if (Path(reference) / MANIFEST).is_file() else _own_package()
    settings, opened = Settings(block, smallest), open_package(package or own)
    if (new is None) == (from_store is None):
        raise DataError("expected new sessions: either NEW or --from-store, and not both")
    output.mkdir(parents=True, exist_ok=True)
    if new is not None:
        found = find_drift(reference, new, opened, settings)
    else:
        found = find_drift_in_store(reference, str(from_store), days, opened, settings)
    _write(output / "drift.html", drift_page(found))
    _write(output / "drift.json", _json(found.to_json()) + "\n")
    _show(to_markdown(found))
    print(f"{output / 'drift.html'}: with a picture of every column")
    sys.exit(found.exit_status)


@app.command()
def judge(
    champion: Annotated[str, typer.Argument(help="package: folder, version, alias or revision")],
    challenger: Annotated[str, typer.Argument(help="package that may replace it")],
    sessions: Annotated[
        str, typer.Argument(help="file or folder of sessions with the column Revenue")
    ],
    *,
    form: Annotated[Form, typer.Option("--format", help="of the output")] = "terminal",
) -> None:
    """Tell whether CHALLENGER is better than CHAMPION on SESSIONS that neither was fitted to.

    Exits with status 0 if it is better or no worse, 1 if worse, 3 if that cannot be told.
    """
    from ecom.review.packages import Contender, judge_packages
    from ecom.review.verdicts import Rules
    from ecom.review.wording import judgement_to_markdown
    from ecom.tracking.packages import find_package

    root = Path.cwd()
    params = read_params(root)
    before, after = (Contender(each, find_package(root, each)) for each in (champion, challenger))
    found = judge_packages(before, after, sessions, Rules.from_params(params), params.evaluate.bins)
    _print(form, found.to_json(), judgement_to_markdown(found))
    sys.exit(found.exit_status)


@app.command()
def retrain(
    *,
    new: Annotated[
        list[str], typer.Option("--with", help="file or folder of new sessions; may be repeated")
    ],
    champion: Annotated[
        str, typer.Option(help="package in use: folder, version, alias or revision")
    ] = PACKAGE,
    settings: Annotated[
        list[str] | None, typer.Option("--set", "-S", help="NAME=VALUE of params.yaml")
    ] = None,
    apply: Annotated[
        bool,
        typer.Option("--apply", help="unless it is worse, write params.yaml and run the pipeline"),
    ] = False,
    output: Annotated[Path, typer.Option(help="folder for review.md and review.json")] = Path(
        RETRAINED
    ),
) -> None:
    """Run the pipeline with new sessions, beside the project, and judge what comes out.

    Exits with status 0 if the model is no worse, on shared sessions or on new ones, and worse on
    neither; 1 if it is worse on either; 3 if that cannot be told. Nothing changes without --apply.
    """
    from ecom.project.formats import parse_yaml
    from ecom.project.repository import git
    from ecom.review.outcome import WORSE
    from ecom.review.packages import Contender
    from ecom.review.retraining import retrained
    from ecom.review.wording import retrained_headline, retrained_to_markdown
    from ecom.tracking.packages import find_package

    root = _checked_root()
    if faulty := next((each for each in settings or [] if "=" not in each), None):
        raise ParamsError.from_faults([f"-S {faulty}: expected NAME=VALUE"])
    values = dict(each.partition("=")[::2] for each in settings or [])
    if apply and git(root, "status", "--porcelain", "--untracked-files=no"):
        raise ProjectError("--apply needs a folder without uncommitted changes: commit them first")
    before = Contender(champion, find_package(root, champion))
    try:
        parsed = {name: parse_yaml(value) for name, value in values.items()}
    except ValueError as error:
        raise ParamsError.from_faults([f"-S: a value is {error}"]) from None
    with retrained(root, before, new, parsed) as found:
        output.mkdir(parents=True, exist_ok=True)
        _write(output / "review.md", retrained_to_markdown(found))
        _write(output / "review.json", _json(found.to_json()) + "\n")
        _show(retrained_to_markdown(found))
        print(f"{retrained_headline(found)}. {output / 'review.md'} has all of this")
        if not apply:
            print("Nothing changed here: --apply writes params.yaml and runs the pipeline")
        if apply and found.exit_status != WORSE:
            _write(root / PARAMS, found.params)
            subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=root, check=True)
        sys.exit(found.exit_status)


@app.command()
def promote(
    version: Annotated[
        str | None, typer.Argument(help="of the registered model; by default the challenger")
    ] = None,
    *,
    sessions: Annotated[
        str | None,
        typer.Option(
            help="file of labelled sessions to judge on, if the models share no training sessions"
        ),
    ] = None,
    because: Annotated[
        str | None, typer.Option(help="why, if it is worse or that cannot be told; is kept")
    ] = None,
) -> None:
    """Make a registered model champion if it is better or no worse than champions before it."""
    from ecom.tracking.registry import promote

    print(promote(_checked_root(), version, because, sessions))


@app.command()
def rollback() -> None:
    """Make the previous champion champion again."""
    from ecom.tracking.registry import rollback

    print(rollback(Path.cwd()))


@contextmanager
def undecidable_if_it_fails(tell: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Exit as undecidable if the block fails: the status of a crash, 1, would mean worse.

    Parameters
    ----------
    tell
        Is given the reason.
    """
    from ecom.review.outcome import UNDECIDABLE

    try:
        yield
    except EcomError as error:
        tell(str(error))
        print(f"ecom: {error}", file=sys.stderr)
        sys.exit(UNDECIDABLE)
    except OSError as error:
        print(f"ecom: {describe(error)}", file=sys.stderr)
        sys.exit(UNDECIDABLE)
    except Exception as error:  # noqa: BLE001  a crash is no verdict
        tell(f"`{type(error).__name__}: {error}`. This is a bug; the log has its traceback.")
        traceback.print_exc()
        sys.exit(UNDECIDABLE)


def _checked_root() -> Path:
    """Return the project's root folder; name every fault of params.yaml before any work."""
    root = Path.cwd()
    read_params(root)
    return root


def _own_package() -> Path:
    """Return the folder of the package: of generated sessions, if these are all there is."""
    from ecom.serving.manifest import MANIFEST

    synthetic = Path(SYNTHETIC) / PACKAGE
    held = [folder for folder in (Path(PACKAGE), synthetic) if (folder / MANIFEST).exists()]
    return next(iter(held), Path(PACKAGE))


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, allow_nan=False)


def _print(form: Form, content: dict[str, Any], markdown: str) -> None:
    """Print what was found in the form that was asked for."""
    if form == "json":
        print(_json(content))
    elif form == "markdown":
        print(markdown, end="")
    else:
        _show(markdown)


def _show(markdown: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(markdown))


if __name__ == "__main__":
    tolerate_settings()
    is_gate = (
        sys.argv[1:2] in (["drift"], ["judge"], ["retrain"], ["review"]) or "--gate" in sys.argv
    )
    try:
        with undecidable_if_it_fails() if is_gate else nullcontext():
            app()
    except EcomError as error:
        sys.exit(f"ecom: {error}")
    except OSError as error:
        sys.exit(f"ecom: {describe(error)}")
