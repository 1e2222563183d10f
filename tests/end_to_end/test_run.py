"""The pipeline from nothing: on the real data, offline, on a user's own data, on bad data."""

import hashlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ecom.data.synthetic import generate_sessions
from ecom.schema import NAMES
from project import RAW, Project, checkout, metrics_of
from scripts import STAGES, sections_read_by

TUNE_FAULT = "tune.n_iter: 'many' is not allowed; input should be a valid integer"

# The environment of these tests serves, instead of one that make would set up.
MAKE_RUN = ("make", f"VENV={sys.prefix}", f"--assume-old={sys.prefix}/run.ready", "run")


def offline(folder: Path) -> Project:
    """Return a clean checkout whose sources do not answer: no file beside it, and no web."""
    project = checkout(folder / "project")
    project.set_params(
        {
            "data.sources": ["../shared/none.csv", "http://127.0.0.1:9/none.csv"],
            "data.retries": 0,
            "data.synthetic.rows": 1500,
            "validate.min_rows": 1000,
            "folds.n_splits": 2,
            "tune.n_iter": 2,
            "cross_fit.repeats": 2,
        }
    )
    project.commit()
    return project


@pytest.fixture(scope="module")
def without_a_source(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """Return a checkout without a source, and what `make run` said there."""
    project = offline(tmp_path_factory.mktemp("without"))
    return project, project.run(*MAKE_RUN).stdout


def test_without_a_source_make_run_says_so_and_shows_synthetic_results(
    without_a_source: tuple[Project, str],
) -> None:
    project, done = without_a_source

    assert "no source of raw data answered:\n  - ../shared/none.csv: FileNotFoundError" in done
    assert "runs on synthetic sessions" in done
    assert "Results on synthetic sessions" in done
    metrics = list((project.root / ".synthetic" / "metrics").glob("*.json"))
    assert len(metrics) == len(list((project.root / "metrics").glob("*.json")))
    root = project.root / ".synthetic"
    found = [metrics_of(root, path.stem) for path in metrics if path.stem != "track"]
    assert {results["data"] for results in found} == {"synthetic"}
    assert project.changed() == ""

    again = project.run(*MAKE_RUN).stdout

    assert "Running stage" not in again
    assert "Data and pipelines are up to date." in again

    # In the checkout, commands say where the results are.
    for command, status in (("report", 1), ("compare", 1), ("lineage HEAD", 1), ("review", 3)):
        refused = project.run("python", "-m", "ecom", *command.split(), check=False)
        assert refused.returncode == status
        advised = f"cd .synthetic && python -m ecom {command.split()[0]}"
        assert f"`{advised}` shows them" in refused.stdout


@pytest.mark.prove
def test_all_commands_work_where_the_synthetic_results_are(
    without_a_source: tuple[Project, str],
) -> None:
    copy = Project(without_a_source[0].root / ".synthetic")
    assert copy.changed() == ""
    for command in ("report", "compare", "lineage models/best_model.joblib", "promote"):
        copy.run("python", "-m", "ecom", *command.split())
    copy.run("dvc", "exp", "run", "--name", "q", "-S", "threshold.strategy=quota")
    assert "→ q (" in copy.run("python", "-m", "ecom", "compare", "HEAD", "q").stdout


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
    unchanged.set_params(
        {"data.source": "real", "data.sources": [str(source)], "data.sha256": None}
    )
    unchanged.run("dvc", "repro", "clean")
    source.unlink()
    (unchanged.root / RAW).unlink()

    done = unchanged.run(sys.executable, "-m", "ecom", "run").stdout

    assert "no source of raw data answered" in done
    assert "Results on real sessions" in done


def test_pinned_raw_data_that_is_there_needs_no_source(unchanged: Project) -> None:
    content = (unchanged.root / RAW).read_bytes()
    unchanged.set_params(
        {
            "data.source": "real",
            "data.sources": ["none.csv"],
            "data.sha256": hashlib.sha256(content).hexdigest(),
        }
    )

    done = unchanged.run("dvc", "repro", "fetch").stdout

    assert "fetch: the pinned content is there already" in done
    assert (unchanged.root / RAW).read_bytes() == content


@pytest.mark.parametrize("kind", [pytest.param("csv", marks=pytest.mark.prove), "parquet"])
def test_sessions_of_a_users_own_run_by_naming_the_file(
    unchanged: Project, tmp_path: Path, kind: str
) -> None:
    own = tmp_path / f"own.{kind}"
    sessions = generate_sessions(1800, seed=9)[list(reversed(NAMES))]
    sessions.to_csv(own, index=False) if kind == "csv" else sessions.to_parquet(own)

    done = unchanged.run(
        "dvc",
        "exp",
        "run",
        "clean",
        "-S",
        "data.source=real",
        "-S",
        f"data.sources=[{own}]",
        "-S",
        "data.sha256=null",
    ).stdout

    assert "data.sha256 is null, so a change of the file goes unnoticed: pin it with" in done
    clean = metrics_of(unchanged.root, "clean")
    assert (clean["rows_in"], clean["data"]) == (1800, "real")


def test_a_fetch_that_fails_leaves_the_raw_data_that_is_there(unchanged: Project) -> None:
    before = (unchanged.root / RAW).read_bytes()
    unchanged.set_params({"data.source": "real", "data.sources": ["none.csv"]})

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
        {"data.source": "real", "data.sources": [str(tmp_path / "bad.csv")], "data.sha256": None}
    )

    done = unchanged.run("dvc", "repro", check=False)

    assert done.returncode != 0
    assert "the raw data has 3 problems:" in done.stdout
    assert (
        "BounceRates must be from 0 to 1, but 3 rows broke this rule (line 7: '1.5', line 8:"
        in done.stdout
    )
    assert "Traceback" not in done.stdout
    assert {path: fingerprint(unchanged.root / path) for path in outs} == before
    verdict = metrics_of(unchanged.root, "validate")
    assert [problem["column"] for problem in verdict["problems"]] == ["BounceRates", "Month", None]

    by_hand = unchanged.run(sys.executable, "stages/clean.py", check=False)

    assert by_hand.returncode == 1
    assert by_hand.stdout.startswith("clean: metrics/validate.json lists problems")


def fingerprint(path: Path) -> dict[str, tuple[int, float]]:
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {str(file): (file.stat().st_size, file.stat().st_mtime) for file in files}


@pytest.mark.prove
def test_a_bad_parameter_stops_the_stages_that_read_its_section_and_no_other(
    unchanged: Project,
) -> None:
    unchanged.set_params({"tune.n_iter": "many"})

    for stage in STAGES:
        by_hand = unchanged.run(sys.executable, f"stages/{stage}.py", check=False)
        stops = "tune" in sections_read_by(stage) or stage == "fetch"
        assert by_hand.returncode == int(stops), by_hand.stdout
        assert (TUNE_FAULT in by_hand.stdout) is stops

    done = unchanged.run("dvc", "repro", check=False)

    assert done.returncode != 0
    assert TUNE_FAULT in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("command", [MAKE_RUN, ("dvc", "repro", "--force", "fetch")])
def test_all_bad_parameters_are_named_before_any_work(
    unchanged: Project, command: tuple[str, ...]
) -> None:
    unchanged.set_params({"tune.n_iter": "many", "bootstrap.resamples": 0})

    done = unchanged.run(*command, check=False)

    assert done.returncode != 0
    assert TUNE_FAULT in done.stdout
    assert "bootstrap.resamples: 0 is not allowed" in done.stdout
    assert "Traceback" not in done.stdout
    assert unchanged.changed() == " M params.yaml\n"


@pytest.mark.parametrize(
    ("name", "value", "stage", "said"),
    [
        ("features.set", "at_arrival", "refit", "tune.json was computed with another features.set"),
        (
            "features.set",
            "at_arrival",
            "evaluate",
            "was computed with another features.set: run `dvc repro threshold` first",
        ),
        ("folds.seed", 7, "cv", "baseline.json was computed from different folds: run `dvc repro"),
    ],
)
def test_a_stage_by_hand_refuses_what_was_made_with_other_params(
    unchanged: Project, name: str, value: object, stage: str, said: str
) -> None:
    unchanged.set_params({name: value})

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
        [sys.executable, "stages/tune.py"],
        cwd=unchanged.root,
        stdin=child,
        stdout=child,
        stderr=child,
    )
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
