"""Commands on the project as a whole: ``python -m ecom COMMAND``, in its root folder."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from ecom.errors import EcomError, ProjectError
from ecom.summary import summarise, with_results

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@app.callback()
def check_folder() -> None:
    """Commands on the project as a whole, in its root folder."""
    if not Path("dvc.yaml").exists():
        raise ProjectError(f"no dvc.yaml in {Path.cwd()}: change to the root folder of the project")


@app.command()
def run() -> None:
    """Run the pipeline, on synthetic sessions where no data is to be had; show what was found."""
    from ecom.quickstart import print_summary, run_pipeline

    root = run_pipeline(Path.cwd())
    print_summary(summarise(root / "metrics"), root)


@app.command()
def readme() -> None:
    """Write the results of metrics/ into README.md."""
    path = Path("README.md")
    text = with_results(path.read_text(encoding="utf-8"), summarise(Path("metrics")))
    _write(path, text)


@app.command()
def compare(
    base: Annotated[str, typer.Argument(help="what to hold against")] = "HEAD",
    head: Annotated[str, typer.Argument(help="what to judge")] = "workspace",
    *,
    form: Annotated[
        Literal["terminal", "markdown", "json"], typer.Option("--format", help="of the output")
    ] = "terminal",
    gate: Annotated[
        bool, typer.Option("--gate", help="exit with 1 where worse, with 3 where none can tell")
    ] = False,
) -> None:
    """Tell whether HEAD's model is better, worse or no different from BASE's, and what changed.

    Either is a git revision, a DVC experiment, a folder with another checkout, or "workspace".
    """
    from ecom.review.comparison import CANNOT_TELL, compare_states
    from ecom.review.verdicts import Rules
    from ecom.review.wording import to_markdown
    from ecom.states import WORKSPACE, open_state

    root = Path.cwd()
    try:
        comparison = compare_states(
            open_state(root, base),
            open_state(root, head),
            Rules.from_params(open_state(root, WORKSPACE).params),
        )
    except EcomError as error:
        if not gate:
            raise
        print(f"ecom: {error}", file=sys.stderr)
        sys.exit(CANNOT_TELL)
    if form == "json":
        print(json.dumps(comparison.to_json(), indent=2, allow_nan=False))
    elif form == "markdown":
        print(to_markdown(comparison), end="")
    else:
        _show(to_markdown(comparison))
    if gate:
        sys.exit(comparison.exit_status)


@app.command()
def review(
    target: Annotated[str, typer.Argument(help="branch that the changes are to go into")] = "main",
    *,
    output: Annotated[Path, typer.Option(help="folder of review.md, review.json, curves.png")] = (
        Path("reports/review")
    ),
) -> None:
    """Compare this folder with the commit at which its branch left TARGET, as pull requests do.

    Exits with 1 where it is worse, with 3 where none can tell.
    """
    from ecom.review.branch import CURVES, review
    from ecom.review.comparison import CANNOT_TELL
    from ecom.review.wording import none_to_markdown, to_markdown

    output.mkdir(parents=True, exist_ok=True)
    for name in (CURVES, "review.json", "review.md"):
        (output / name).unlink(missing_ok=True)
    try:
        with review(Path.cwd(), target) as reviewed:
            comparison = reviewed.comparison
            if comparison.verdict:
                reviewed.draw(output / CURVES)
    except EcomError as error:
        _write(output / "review.md", none_to_markdown(str(error)))
        print(f"ecom: {error}", file=sys.stderr)
        sys.exit(CANNOT_TELL)
    picture = CURVES if comparison.verdict else None
    _write(output / "review.md", to_markdown(comparison, picture))
    told = json.dumps(comparison.to_json(), indent=2, allow_nan=False)
    _write(output / "review.json", told + "\n")
    _show(to_markdown(comparison))
    sys.exit(comparison.exit_status)


@app.command()
def report(
    output: Annotated[Path, typer.Option(help="file to write")] = Path("reports/index.html"),
) -> None:
    """Write the results of this folder as one page that opens offline."""
    from ecom.report.page import write_report

    page = write_report(Path.cwd())
    output.parent.mkdir(parents=True, exist_ok=True)
    _write(output, page)
    print(f"{output}: open it in a browser; it needs no network")


@app.command()
def track() -> None:
    """Record the state of this folder in MLflow, unless it is there already."""
    from ecom.tracking.record import record

    tracked = record(Path.cwd())
    print(f"run {tracked.run_id} at {tracked.address}")


@app.command()
def lineage(
    what: Annotated[str, typer.Argument(help="file, hash, id of an MLflow run, or git revision")],
) -> None:
    """Tell the states of the pipeline that WHAT is part of: commits, runs, data, knobs, models."""
    from ecom.tracking.lineage import to_text, trace

    print(to_text(Path.cwd(), trace(Path.cwd(), what)))


@app.command()
def promote(
    version: Annotated[
        str | None, typer.Argument(help="of the registered model; without, the challenger")
    ] = None,
) -> None:
    """Make a registered model champion, where it is better than the champion or no worse."""
    from ecom.tracking.registry import promote

    print(promote(Path.cwd(), version))


@app.command()
def rollback() -> None:
    """Make the model champion that was it before."""
    from ecom.tracking.registry import rollback

    print(rollback(Path.cwd()))


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)


def _show(markdown: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(markdown))


if __name__ == "__main__":
    try:
        app()
    except EcomError as error:
        sys.exit(f"ecom: {error}")
    except OSError as error:
        sys.exit(f"ecom: {error.strerror or error}: {error.filename or ''}")
