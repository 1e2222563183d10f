"""The pipeline from nothing: on the real data, offline, on a user's own data, on bad data."""

import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ecom.schema import NAMES
from ecom.synthetic import generate_sessions
from project import RAW, ROOT, Project, checkout

STAGES = tuple(YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"])

# The environment of these tests serves, instead of one that make would set up.
MAKE_RUN = ("make", f"VENV={sys.prefix}", f"--assume-old={sys.prefix}/run.ready", "run")


def offline(folder: Path) -> Project:
    """Return a clean checkout whose sources do not answer: no file beside it, and no web."""
    project = checkout(folder / "project")
    project.set_params(
        data__sources=["../shared/none.csv", "http://127.0.0.1:9/none.csv"], data__retries=0,
        data__synthetic__rows=1500, validate__min_rows=1000, folds__n_splits=2, tune__n_iter=2,
    )  # fmt: skip
    project.commit()
    return project


def test_without_a_source_make_run_says_so_and_shows_synthetic_results(tmp_path: Path) -> None:
    project = offline(tmp_path)

    done = project.run(*MAKE_RUN).stdout

    assert "no source of raw data answered:\n  - ../shared/none.csv: FileNotFoundError" in done
    assert "runs on synthetic sessions" in done
    assert "Results on synthetic sessions" in done
    metrics = list((project.root / ".synthetic" / "metrics").glob("*.json"))
    assert len(metrics) == len(list((project.root / "metrics").glob("*.json")))
    found = [json.loads(path.read_text()) for path in metrics if path.stem != "track"]
    assert {of["data"] for of in found} == {"synthetic"}
    assert project.changed() == ""

    again = project.run(*MAKE_RUN).stdout

    assert "Running stage" not in again
    assert "Data and pipelines are up to date." in again


def test_without_a_source_dvc_repro_stops_with_one_clear_error(tmp_path: Path) -> None:
    done = offline(tmp_path).run("dvc", "repro", check=False)

    assert done.returncode != 0
    assert "params.yaml: data.sources takes paths" in done.stdout
    assert "Traceback" not in done.stdout


def test_raw_data_in_the_cache_serves_when_no_source_answers(
    unchanged: Project, tmp_path: Path
) -> None:
    source = tmp_path / "source.csv"
    generate_sessions(1500, seed=5).to_csv(source, index=False)
    unchanged.set_params(data__source="real", data__sources=[str(source)], data__sha256=None)
    unchanged.run("dvc", "repro")
    source.unlink()
    (unchanged.root / RAW).unlink()

    done = unchanged.run(sys.executable, "-m", "ecom", "run").stdout

    assert "no source of raw data answered" in done
    assert "Results on real sessions" in done


def test_pinned_raw_data_that_is_there_needs_no_source(unchanged: Project) -> None:
    content = (unchanged.root / RAW).read_bytes()
    unchanged.set_params(
        data__source="real", data__sources=["none.csv"],
        data__sha256=hashlib.sha256(content).hexdigest(),
    )  # fmt: skip

    done = unchanged.run("dvc", "repro", "fetch").stdout

    assert "fetch: the pinned content is there already" in done
    assert (unchanged.root / RAW).read_bytes() == content


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_sessions_of_a_users_own_run_by_naming_the_file(
    unchanged: Project, tmp_path: Path, kind: str
) -> None:
    own = tmp_path / f"own.{kind}"
    sessions = generate_sessions(1800, seed=9)[list(reversed(NAMES))]
    sessions.to_csv(own, index=False) if kind == "csv" else sessions.to_parquet(own)

    done = unchanged.run(
        "dvc", "exp", "run",
        "-S", "data.source=real", "-S", f"data.sources=[{own}]", "-S", "data.sha256=null",
    ).stdout  # fmt: skip

    assert "data.sha256 is null, so a change of the file goes unnoticed: pin it with" in done
    clean = json.loads((unchanged.root / "metrics" / "clean.json").read_text())
    assert (clean["rows_in"], clean["data"]) == (1800, "real")


def test_a_fetch_that_fails_leaves_the_raw_data_that_is_there(unchanged: Project) -> None:
    before = (unchanged.root / RAW).read_bytes()
    unchanged.set_params(data__source="real", data__sources=["none.csv"])

    done = unchanged.run("dvc", "repro", "fetch", check=False)

    assert done.returncode != 0
    assert (unchanged.root / RAW).read_bytes() == before


def test_bad_raw_data_stops_the_run_in_validate_and_touches_nothing_downstream(
    unchanged: Project, tmp_path: Path
) -> None:
    outs = [
        "data/processed",
        "data/features",
        "models",
        "metrics/clean.json",
        "metrics/evaluate.json",
    ]
    before = {path: fingerprint(unchanged.root / path) for path in outs}
    bad = generate_sessions(1500, seed=1).astype(object)
    bad.loc[3, "Month"] = "Smarch"
    bad.loc[5:7, "BounceRates"] = 1.5
    bad.to_csv(tmp_path / "bad.csv", index=False)
    unchanged.set_params(
        data__source="real", data__sources=[str(tmp_path / "bad.csv")], data__sha256=None
    )

    done = unchanged.run("dvc", "repro", check=False)

    assert done.returncode != 0
    assert "the raw data has 2 problems:" in done.stdout
    assert "BounceRates must be from 0 to 1; 3 rows not (line 7: '1.5', line 8:" in done.stdout
    assert "Traceback" not in done.stdout
    assert {path: fingerprint(unchanged.root / path) for path in outs} == before
    verdict = json.loads((unchanged.root / "metrics" / "validate.json").read_text())
    assert [problem["column"] for problem in verdict["problems"]] == ["BounceRates", "Month"]

    by_hand = unchanged.run(sys.executable, "stages/clean.py", check=False)

    assert by_hand.returncode == 1
    assert by_hand.stdout.startswith("clean: metrics/validate.json lists problems")


def fingerprint(path: Path) -> dict[str, tuple[int, float]]:
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {str(file): (file.stat().st_size, file.stat().st_mtime) for file in files}


def test_a_bad_knob_stops_every_stage_before_any_work(unchanged: Project) -> None:
    unchanged.set_params(tune__n_iter="many")

    done = unchanged.run("dvc", "repro", check=False)

    assert done.returncode != 0
    assert "tune.n_iter: 'many' is not allowed; expected a whole number at least 1" in done.stdout
    assert "Traceback" not in done.stdout
    for script in (unchanged.root / "stages").glob("[!_]*.py"):
        by_hand = unchanged.run(sys.executable, str(script), check=False)
        assert by_hand.returncode == 1
        assert "tune.n_iter: 'many'" in by_hand.stdout


@pytest.mark.parametrize(
    ("knob", "value", "stage", "said"),
    [
        ("features__set", "at_arrival", "refit", "tune.json is of another features.set: run `dvc"),
        ("features__set", "at_arrival", "evaluate", "refits.joblib is of other knobs: run `dvc"),
        ("temporal__first_test_month", "Oct", "evaluate", "refits.joblib is of other knobs"),
        ("folds__seed", 7, "cv", "baseline.json is of other folds: run `dvc repro baseline`"),
    ],
)
def test_a_stage_by_hand_refuses_what_was_made_with_other_knobs(
    unchanged: Project, knob: str, value: object, stage: str, said: str
) -> None:
    unchanged.set_params(**{knob: value})

    done = unchanged.run(sys.executable, f"stages/{stage}.py", check=False)

    assert done.returncode == 1
    assert said in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_the_library_of_its_own_checkout(unchanged: Project, stage: str) -> None:
    # The environment holds another checkout's library, as it does for DVC's copies of a project.
    code = f"import {stage}, sys; print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] == 'ecom'))"

    files = unchanged.run(sys.executable, "-c", code, PYTHONPATH="stages").stdout.split()

    assert files
    assert all(Path(file).is_relative_to(unchanged.root / "src") for file in files)


def test_a_progress_bar_on_a_terminal_does_not_change_the_model(unchanged: Project) -> None:
    parent, child = pty.openpty()
    tune = subprocess.Popen(
        [sys.executable, "stages/tune.py"], cwd=unchanged.root,
        stdin=child, stdout=child, stderr=child,
    )  # fmt: skip
    os.close(child)
    shown = b""
    while chunk := _read(parent):
        shown += chunk

    assert tune.wait() == 0
    assert b"RandomizedSearchCV" in shown
    assert unchanged.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
