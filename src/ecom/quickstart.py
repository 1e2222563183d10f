"""`make run`: the pipeline with the data there is, and what it found.

Where no source of raw data answers, the same graph runs on generated sessions, in a copy of the
project below the checkout, so that no tracked file changes.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ecom.errors import NoSourceAnsweredError
from ecom.recovery import recover
from ecom.summary import HEADINGS, Summary
from ecom.tracking.place import is_begun

RAW = "data/raw/online_shoppers_intention.csv"
SYNTHETIC = ".synthetic"
_COPIED = (".dvc/plots", "dvc.yaml", "requirements.txt", "src", "stages")


def run_pipeline(root: Path) -> Path:
    """Run the pipeline of a checkout; return the folder that holds its results.

    Raises
    ------
    SystemExit
        A stage failed; it has said why.
    """
    _recover(root)
    if not (root / RAW).exists():
        # DVC only tells that a stage failed. Asked directly, fetch tells why.
        status = _python(root, "stages/fetch.py")
        if status == NoSourceAnsweredError.exit_status and not _restore_raw(root):
            print(
                "\nNo source of raw data answers, so the pipeline runs on synthetic sessions, in "
                f"{SYNTHETIC}/.\nIts figures say nothing about real visitors. Once a source "
                "answers, `make run` uses it.\n",
                flush=True,
            )
            root = _copy_for_synthetic(root)
            _recover(root)
        elif status not in (0, NoSourceAnsweredError.exit_status):
            sys.exit(status)
    status = _python(root, "-m", "dvc", "repro")
    if status:
        sys.exit(status)
    if not is_begun(root):
        # A clone whose dvc.lock says that track has run: it did, elsewhere.
        _python(root, "-m", "ecom", "track")
    return root


def print_summary(summary: Summary, root: Path) -> None:
    """Print what a run found, and where to look next."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(title=f"Results on {summary.data} sessions", title_justify="left")
    for heading in ("", *HEADINGS):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=bool(heading))
    for row in summary.rows:
        table.add_row(*(cell.replace(" (", "\n(") for cell in row))  # fits 80 columns
    console.print()
    for fact in summary.facts:
        console.print(f"- {fact}", soft_wrap=True)
    console.print()
    console.print(table)
    activate = f"source {os.path.relpath(sys.prefix)}/bin/activate"
    experiment = "dvc exp run -S tune.n_iter=30            try a knob of params.yaml"
    if root != Path.cwd():  # the synthetic copy is no git repository, as experiments need
        activate += f" && cd {os.path.relpath(root)}"
        experiment = "dvc repro                                after a change of params.yaml"
    console.print(
        f"\nNext: {activate}, then\n"
        "  docs/model_card.md                       every figure, and what it is good for\n"
        "  dvc plots show                           curves, as a page for the browser\n"
        f"  {experiment}",
        soft_wrap=True,
        markup=False,
    )


def _python(root: Path, *arguments: str) -> int:
    binaries = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": os.pathsep.join([binaries, os.environ.get("PATH", "")])}
    return subprocess.run(  # noqa: S603  our own scripts
        [sys.executable, *arguments], cwd=root, env=environment, check=False
    ).returncode


def _recover(root: Path) -> None:
    for line in recover(root):
        print(line, flush=True)


def _restore_raw(root: Path) -> bool:
    """Take the raw data from the DVC cache, if it is there."""
    _python(root, "-m", "dvc", "checkout", "--quiet", RAW)
    return (root / RAW).exists()


def _copy_for_synthetic(root: Path) -> Path:
    from ruamel.yaml import YAML

    copy = root / SYNTHETIC
    for name in _COPIED:
        if (root / name).is_dir():
            shutil.rmtree(copy / name, ignore_errors=True)
            shutil.copytree(
                root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            copy.mkdir(exist_ok=True)
            shutil.copy2(root / name, copy / name)
    yaml = YAML()
    params = yaml.load(root / "params.yaml")
    params["data"]["source"] = "synthetic"
    yaml.dump(params, copy / "params.yaml")
    (copy / ".dvc").mkdir(exist_ok=True)
    (copy / ".dvc" / "config").write_text(
        "[core]\n    analytics = false\n    check_update = false\n    no_scm = true\n",
        encoding="utf-8",
    )
    return copy
