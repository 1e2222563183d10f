"""Commands on the project as a whole: ``python -m ecom COMMAND``, in its root folder."""

import sys
from pathlib import Path

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
    path.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    try:
        app()
    except EcomError as error:
        sys.exit(f"ecom: {error}")
