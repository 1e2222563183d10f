"""No stage reaches for anything but what dvc.yaml declares for it."""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path, PurePath
from typing import Any

import pytest

from ecom.data.synthetic import generate_sessions
from ecom.project.formats import parse_yaml
from ecom.tracking.store import DEFAULTS
from project import ROOT, Project
from servers import free_port
from witnesses import HAS_STRACE, NEEDS_STRACE, Seen, observe

STAGES: dict[str, Any] = parse_yaml((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
DECLARATION = {"dvc.yaml", "params.yaml"}  # all read them; Stage hands out what is declared
ROOMS = (
    *("cluster", "data", "evaluation", "models", "params", "project", "reporting", "serving"),
    "tracking",
)
SOON = {"clean", "features", "threshold", "evaluate", "model_card"}  # `make prove` looks at all
each_stage = pytest.mark.parametrize(
    "stage",
    [pytest.param(name, marks=[] if name in SOON else [pytest.mark.prove]) for name in STAGES],
)
# Folders that imports search.
CODE = {".", "src", "src/ecom", *(f"src/ecom/{room}" for room in ROOMS), "stages"}

# Beyond their declaration, and why.
VARIABLES: dict[str, set[str]] = {
    "fetch": {"DVC_ROOT"},  # paths in data.sources start from the project, not from its copies
    # Where the record is, and which experiment DVC runs: what is recorded is declared.
    "track": {"DVC_EXP_NAME", "DVC_ROOT", "MLFLOW_TRACKING_URI", *DEFAULTS},
}
NETWORK = {"fetch", "track"}
PROGRAMS = {
    "explain": {"fc-list"},  # matplotlib looks for fonts, and draws with its own
    "track": {"fc-list", "git", "uname"},  # the commit to record; MLflow asks for the platform
}
# ONNX Runtime looks whether it runs in a container, and for its own command line. Nothing that it
# computes depends on either.
PROBED = {"package": re.compile(r"/\.dockerenv|/proc/\d+/cmdline")}
RECORD = {  # what track touches: lock and history, the code that goes with the model, the record
    "read": re.compile(r"dvc\.lock|\.git(/.*)?|src/ecom(/.*)?|mlflow\.db.*|mlartifacts(/.*)?"),
    "list": re.compile(
        r"\.git(/.*)?|src/ecom(/.*)?|mlruns|mlartifacts(/.*)?|docs|metrics|plots(/.*)?"
    ),
    "write": re.compile(r"mlflow\.db.*|mlartifacts(/.*)?|mlruns"),
}


def declared(stage: str, *kinds: str) -> dict[str, Any]:
    """Return paths that a stage declares, with their options."""
    return {
        path: options
        for kind in kinds
        for item in STAGES[stage].get(kind, [])
        for path, options in (item if isinstance(item, dict) else {item: {}}).items()
    }


def violations(stage: str, seen: set[Seen]) -> set[Seen]:
    """Return what a stage did without having declared it."""
    outs = declared(stage, "outs", "metrics")
    kept = {path for path, options in outs.items() if options.get("persist")}
    folders = {str(parent) for path in outs for parent in PurePath(path).parents}
    python = {Path(sys.executable).name, Path(sys.executable).resolve().name, "strace"}
    allowed: Mapping[str, set[str]] = {
        "read": {*declared(stage, "deps"), *DECLARATION, *kept, *CODE},
        "write": {*outs, *folders},
        "list": {*CODE, str(ROOT / "src")},  # of the checkout that is installed, as all packages
        "variable": {"GLIBC_TUNABLES"} | VARIABLES.get(stage, set()),  # started with its kernels?
        "process": python | PROGRAMS.get(stage, set()),
        "network": set(),
    }
    return {
        item
        for item in seen
        if item.what not in allowed[item.kind]
        and not (item.kind == "network" and stage in NETWORK)
        and not (item.kind == "read" and stage in PROBED and PROBED[stage].fullmatch(item.what))
        and not (
            stage == "track" and item.kind in RECORD and RECORD[item.kind].fullmatch(item.what)
        )
    }


@pytest.fixture(scope="module")
def observed(synthetic: Project) -> Callable[[str], set[Seen]]:
    """Return what runs a stage by hand, once, and tells what it did."""
    return cache(partial(observe, synthetic))


@pytest.mark.prove
def test_every_stage_runs_by_hand_from_any_folder_with_the_same_bytes(
    synthetic: Project, observed: Callable[[str], set[Seen]], tmp_path: Path
) -> None:
    assert all(observed(stage) for stage in STAGES)
    for stage in ("clean", "features", "threshold", "model_card"):
        Project(tmp_path).run(sys.executable, str(synthetic.root / "stages" / f"{stage}.py"))

    assert synthetic.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
    assert synthetic.changed() == ""


@each_stage
def test_a_stage_reaches_for_nothing_that_it_does_not_declare(
    observed: Callable[[str], set[Seen]], stage: str
) -> None:
    assert violations(stage, observed(stage)) == set()


@each_stage
def test_a_stage_opens_all_the_data_that_it_declares(
    observed: Callable[[str], set[Seen]], stage: str
) -> None:
    read = {item.what for item in observed(stage) if item.kind == "read"}
    written = {item.what for item in observed(stage) if item.kind == "write"}
    data = {
        dep for dep in declared(stage, "deps") if not dep.startswith(("src/", "stages/", "require"))
    }

    assert data <= read
    assert set(declared(stage, "outs", "metrics")) <= written


def test_fetch_opens_its_source_and_no_other_file(unchanged: Project, tmp_path: Path) -> None:
    source = tmp_path / "sessions.csv"
    generate_sessions(1500, seed=2).to_csv(source, index=False)
    unchanged.set_params(
        {"data.source": "real", "data.sources": [str(source)], "data.sha256": None}
    )

    seen = observe(unchanged, "fetch")

    assert violations("fetch", seen) == {Seen("read", str(source))}
    assert not any(item.kind == "network" for item in seen)


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
IN_CLEAN = ("clean", "stages/clean.py", "parts = Parts.parse")
IN_TRACK = ("track", "stages/track.py", "state = {")


@pytest.mark.parametrize(
    ("place", "code", "expected"),
    [
        (IN_CLEAN, "open('{root}/README.md').close()", {README}),
        (IN_CLEAN, "open('README.md').close()", {README}),
        (IN_CLEAN, "open('/etc/hostname').close()", {Seen("read", "/etc/hostname")}),
        (IN_CLEAN, "open('{elsewhere}').close()", {Seen("read", "{elsewhere}")}),
        (IN_CLEAN, "open('{elsewhere}', 'w').close()", {Seen("write", "{elsewhere}")}),
        (IN_CLEAN, "open('metrics/x.json', 'w').close()", {Seen("write", "metrics/x.json")}),
        (
            IN_CLEAN,
            "import os; os.link('README.md', 'metrics/x.json')",
            {README, Seen("write", "metrics/x.json")},
        ),
        (IN_CLEAN, "import os; os.utime('README.md')", {Seen("write", "README.md")}),
        (IN_CLEAN, "import os; os.listdir('{root}/metrics')", {Seen("list", "metrics")}),
        (IN_CLEAN, "import os; os.environ.get('USER')", {Seen("variable", "USER")}),
        (IN_CLEAN, "import os; os.getenv('LANG', '')", {Seen("variable", "LANG")}),
        (
            IN_CLEAN,
            "import socket; socket.socket().connect_ex(('127.0.0.1', {port}))",
            {Seen("network", "127.0.0.1")},
        ),
        (IN_TRACK, "(stage.root / 'dvc.lock').touch()", {Seen("write", "dvc.lock")}),
        # In a worker process of joblib.
        (
            ("tune", "src/ecom/features.py", "names = tuple(columns)"),
            "import sys; 'joblib' in ' '.join(sys.orig_argv) and open('{root}/README.md').close()",
            {README},
        ),
        # Arrow opens files without Python: a look at the test rows.
        pytest.param(
            ("threshold", "stages/threshold.py", "params, bootstrap"),
            "import pandas; pandas.read_parquet('{root}/data/features/test.parquet')",
            {Seen("read", "data/features/test.parquet")},
            marks=pytest.mark.skipif(not HAS_STRACE, reason=NEEDS_STRACE),
        ),
        pytest.param(
            IN_CLEAN,
            "import subprocess; subprocess.run(['cat', '{root}/README.md'])",
            {README, Seen("process", "cat")},
            marks=pytest.mark.skipif(not HAS_STRACE, reason=NEEDS_STRACE),
        ),
    ],
    ids=[
        "read",
        "relative read",
        "of the machine",
        "elsewhere",
        "write elsewhere",
        "write",
        "link",
        "time",
        "list",
        "environ",
        "getenv",
        "network",
        "lock",
        "worker",
        "library in C",
        "other program",
    ],
)
def test_a_planted_fault_is_caught(
    unchanged: Project, tmp_path: Path, place: tuple[str, str, str], code: str, expected: set[Seen]
) -> None:
    stage, file, after = place
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    unchanged.set_params({"tune.n_jobs": 2})
    fault = code.format(root=unchanged.root, port=free_port(), elsewhere=elsewhere)
    with planted(unchanged, file, after, fault):
        seen = observe(unchanged, stage)

    (unchanged.root / "metrics" / "x.json").unlink(missing_ok=True)
    assert violations(stage, seen) == {
        Seen(kind, what.format(elsewhere=elsewhere)) for kind, what in expected
    }
