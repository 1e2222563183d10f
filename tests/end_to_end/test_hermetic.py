"""No stage reaches for anything but what dvc.yaml declares for it."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from tempfile import gettempdir
from typing import Any

import pytest
from ruamel.yaml import YAML

from ecom.tracking.store import DEFAULTS
from project import ROOT, Project
from servers import free_port
from witnesses import HAS_STRACE, NEEDS_STRACE, Seen, observe

STAGES: dict[str, Any] = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
DECLARATION = {"dvc.yaml", "params.yaml"}  # all read them; Stage hands out what is declared
CODE = {".", "src", "src/ecom", "src/ecom/tracking", "stages"}  # folders that imports search

# Beyond their declaration, and why.
VARIABLES: dict[str, set[str]] = {
    "fetch": {"DVC_ROOT"},  # paths in data.sources start from the project, not from its copies
    # Where the record is, and which experiment DVC runs: what is recorded is declared.
    "track": {"DVC_EXP_NAME", "DVC_ROOT", "MLFLOW_TRACKING_URI", *DEFAULTS},
}
NETWORK = {"fetch", "track"}
PROGRAMS = {"track": {"git", "uname"}}  # the commit to record; MLflow asks for the platform
RECORD = re.compile(  # what track reads and writes: lock, history, the record itself
    r"dvc\.lock|\.git(/.*)?|\.|src/ecom(/.*)?|docs|metrics|plots(/.*)?|mlruns|mlflow\.db.*|mlartifacts(/.*)?"
)
HOME = re.compile(  # a list of the machine's fonts; who commits
    r".*/(\.cache|\.config)(/matplotlib.*)?|.*/(\.gitconfig|\.config/git/.*)"
)


def of(stage: str, *kinds: str) -> dict[str, Any]:
    """Return paths that a stage declares, with their options."""
    return {
        path: options
        for kind in kinds
        for item in STAGES[stage].get(kind, [])
        for path, options in (item if isinstance(item, dict) else {item: {}}).items()
    }


def violations(stage: str, seen: set[Seen]) -> set[Seen]:
    """Return what a stage did without having declared it."""
    outs = of(stage, "outs", "metrics")
    kept = {path for path, options in outs.items() if options.get("persist")}
    folders = {str(parent) for path in outs for parent in PurePath(path).parents}
    python = {Path(sys.executable).name, Path(sys.executable).resolve().name, "strace"}
    allowed: Mapping[str, set[str]] = {
        "read": {*of(stage, "deps"), *DECLARATION, *kept, *CODE},
        "write": {*outs, *folders},
        "list": CODE,
        "variable": VARIABLES.get(stage, set()),
        "process": python | PROGRAMS.get(stage, set()),
        "network": set(),
    }
    return {
        item for item in seen
        if item.what not in allowed[item.kind]
        and not (item.kind == "network" and stage in NETWORK)
        and not (item.kind in {"read", "write", "list"} and _exempt(stage, item))
    }  # fmt: skip


def _exempt(stage: str, item: Seen) -> bool:
    if item.what.startswith("/"):
        if item.kind == "list" or item.what.startswith(gettempdir()):
            return item.kind != "read" or stage in NETWORK
        return stage in {"explain", "track"} and bool(HOME.fullmatch(item.what))
    return stage == "track" and bool(RECORD.fullmatch(item.what))


@pytest.fixture(scope="module")
def observed(synthetic: Project) -> dict[str, set[Seen]]:
    """Run every stage by hand, from another folder, and tell what each did."""
    return {stage: observe(synthetic, stage) for stage in STAGES}


def test_every_stage_runs_by_hand_from_any_folder_with_the_same_bytes(
    synthetic: Project, observed: dict[str, set[Seen]]
) -> None:
    assert set(observed) == set(STAGES)
    assert synthetic.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
    assert synthetic.changed() == ""


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reaches_for_nothing_that_it_does_not_declare(
    observed: dict[str, set[Seen]], stage: str
) -> None:
    assert violations(stage, observed[stage]) == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_opens_all_the_data_that_it_declares(
    observed: dict[str, set[Seen]], stage: str
) -> None:
    read = {item.what for item in observed[stage] if item.kind == "read"}
    written = {item.what for item in observed[stage] if item.kind == "write"}
    data = {dep for dep in of(stage, "deps") if not dep.startswith(("src/", "stages/", "require"))}

    assert data <= read
    assert set(of(stage, "outs", "metrics")) <= written


@contextmanager
def planted(project: Project, file: str, after: str, code: str) -> Iterator[None]:
    """Add code below a line of a file, with its indentation, until the block ends."""
    path = project.root / file
    before = path.read_text(encoding="utf-8")
    line = next(line for line in before.splitlines() if line.strip().startswith(after))
    indent = " " * (len(line) - len(line.lstrip()))
    path.write_text(before.replace(line, f"{line}\n{indent}{code}", 1), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")


README = Seen("read", "README.md")
IN_CLEAN = ("clean", "stages/clean.py", "raw = stage.dep")


@pytest.mark.parametrize(
    ("place", "code", "caught"),
    [
        (IN_CLEAN, "open('{root}/README.md').close()", {README}),
        (IN_CLEAN, "from pathlib import Path; Path('{root}/metrics/x.json').write_text('')", {Seen("write", "metrics/x.json")}),
        (IN_CLEAN, "import os; os.listdir('{root}/metrics')", {Seen("list", "metrics")}),
        (IN_CLEAN, "import os; os.environ.get('USER')", {Seen("variable", "USER")}),
        (IN_CLEAN, "import os; os.getenv('LANG', '')", {Seen("variable", "LANG")}),
        (IN_CLEAN, "import socket; socket.socket().connect_ex(('127.0.0.1', {port}))", {Seen("network", "127.0.0.1")}),
        # In a worker process of joblib.
        (
            ("tune", "src/ecom/features.py", "names = tuple(columns)"),
            "import sys; 'joblib' in ' '.join(sys.orig_argv) and open('{root}/README.md').close()", {README},
        ),
        # Arrow opens files without Python: a look at the test rows.
        pytest.param(
            ("threshold", "stages/threshold.py", "params, bootstrap"),
            "import pandas; pandas.read_parquet('{root}/data/features/test.parquet')",
            {Seen("read", "data/features/test.parquet")},
            marks=pytest.mark.skipif(not HAS_STRACE, reason=NEEDS_STRACE),
        ),
        pytest.param(
            IN_CLEAN, "import subprocess; subprocess.run(['cat', '{root}/README.md'])",
            {README, Seen("process", "cat")},
            marks=pytest.mark.skipif(not HAS_STRACE, reason=NEEDS_STRACE),
        ),
    ],
    ids=[
        "read", "write", "list", "environ", "getenv", "network", "worker", "library in C",
        "other program",
    ],
)  # fmt: skip
def test_a_planted_fault_is_caught(
    unchanged: Project, place: tuple[str, str, str], code: str, caught: set[Seen]
) -> None:
    stage, file, after = place
    unchanged.set_params(tune__n_jobs=2)
    with planted(unchanged, file, after, code.format(root=unchanged.root, port=free_port())):
        seen = observe(unchanged, stage)

    assert violations(stage, seen) == caught
    (unchanged.root / "metrics" / "x.json").unlink(missing_ok=True)
