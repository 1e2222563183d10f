"""The same inputs give the same bytes, wherever and as whomever."""

import hashlib
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import np_to_triton_dtype

from clusters import client_of, cluster_of
from ecom.numerics import KERNELS
from ecom.reporting.feature_sets import STUDY
from ecom.schema import CATEGORICAL, FEATURES
from elsewhere import CLOCK, USER, elsewhere, has_locale, works
from project import NEEDS_REAL_DATA, ROOT, Project, checkout, metrics_of, real_data
from scripts import STAGES
from service import served
from witnesses import HAS_STRACE

# Bytes are promised for x86-64, Linux with glibc, and the Python version that the lock was made with.
ON_A_PROMISED_MACHINE = (
    platform.machine() == "x86_64"
    and platform.libc_ver()[0] == "glibc"
    and platform.python_version().startswith((ROOT / ".python-version").read_text().strip())
)
QEMU = ("qemu-x86_64", "-cpu", "SandyBridge")  # has neither AVX2 nor FMA


def lock(project: Project) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(project.root / "dvc.lock")
    return loaded


def clean_checkout(folder: Path) -> Project:
    """Return a clean checkout, with the real data where params.yaml looks for it first, if any."""
    data = real_data()
    project = checkout(folder / "project")
    if data is None:
        project.set_params({"data.source": "synthetic"})
    else:
        (folder / "shared" / "data").mkdir(parents=True)
        shutil.copy(data, folder / "shared" / "data" / "online_shoppers_intention.csv")
    return project


@dataclass(frozen=True)
class Clone:
    """A clean clone in which all stages ran, what they printed, and what was committed."""

    project: Project
    printed: str
    lock: dict[str, Any]
    metrics: dict[str, Any]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clean clone that ran elsewhere, on the real data if it is at hand."""
    folder = tmp_path_factory.mktemp("elsewhere")
    there = clean_checkout(folder / "quite" / "änother")
    committed, metrics = lock(there), all_metrics(there)
    (there.root / "dvc.lock").unlink()
    printed = elsewhere(there, folder, "dvc", "repro").stdout
    return Clone(there, printed, committed, metrics)


def test_a_clean_clone_elsewhere_gives_the_committed_bytes(clone: Clone, tmp_path: Path) -> None:
    there, committed = clone.project, clone.lock

    assert len(re.findall("Running stage", clone.printed)) == len(STAGES)
    if real_data() is None:  # nothing is committed of generated sessions: another clone tells
        here = clean_checkout(tmp_path / "one place")
        (here.root / "dvc.lock").unlink()
        here.run("dvc", "repro", PYTHONHASHSEED="0", TZ="UTC")
        assert lock(there) == lock(here)
        pytest.skip(f"{NEEDS_REAL_DATA}: the clones agree, on generated sessions")
    if ON_A_PROMISED_MACHINE:
        assert lock(there) == committed
    else:  # models and scores may differ in their last digits; data, code and metrics do not
        assert without_models(lock(there)) == without_models(committed)
    assert all_metrics(there) == clone.metrics


def test_every_route_answers_each_test_session_as_evaluate_scored_it(
    clone: Clone, tmp_path: Path
) -> None:
    root = clone.project.root
    test = pd.read_parquet(root / "data" / "features" / "test.parquet").set_index("row")
    offline = pd.read_parquet(root / "data" / "predictions" / "test.parquet").set_index("row")
    expected = offline["best_model"].loc[test.index].tolist()
    sessions = test[list(FEATURES)].astype({"Weekend": bool})
    rows = sessions.to_dict("records")
    package = root / "models" / "package"

    with served(package, tmp_path / "log", "--max-sessions", str(len(rows))) as service:
        batch = [
            answer["probability"]
            for answer in service.post("/predict/batch", {"sessions": rows}).json["answers"]
        ]
        alone, explained = (
            list(service.post_each(path, rows)) for path in ("/predict", "/explain")
        )
        tensors = []
        for name, values in sessions.items():
            column = values.to_numpy(object if name in CATEGORICAL else None)
            tensor = InferInput(str(name), [len(column)], np_to_triton_dtype(column.dtype))
            tensor.set_data_from_numpy(column, binary_data=False)
            tensors.append(tensor)
        found = InferenceServerClient(service.url.removeprefix("http://")).infer(
            "purchase",
            tensors,
            outputs=[
                InferRequestedOutput(name, binary_data=False)
                for name in ("probability", "log_odds")
            ],
        )

    assert batch == expected
    assert [answer["probability"] for answer in alone] == expected
    assert [answer["probability"] for answer in explained] == expected
    assert found.as_numpy("probability").tolist() == expected
    sums = [answer["base"] + sum(answer["contributions"].values()) for answer in explained]
    np.testing.assert_allclose(sums, found.as_numpy("log_odds"), rtol=0, atol=1e-12)


@pytest.mark.prove
def test_with_the_kernels_that_the_cpu_chooses_the_decisions_and_metrics_are_the_same(
    unchanged: Project,
) -> None:
    """As on machines of other makes, whose kernels cannot be fixed."""
    environment = unchanged.root / "stages" / "_environment.py"
    code = environment.read_text(encoding="utf-8")
    call = "\nfix_kernels()\n"
    assert code.count(call) == 1
    before = all_metrics(unchanged), thresholds_of(unchanged)

    environment.write_text(code.replace(call, "\n"), encoding="utf-8")
    said = unchanged.run("env", *(f"--unset={name}" for name in KERNELS), "dvc", "repro").stdout

    assert len(re.findall("Running stage", said)) == len(STAGES)
    assert (all_metrics(unchanged), thresholds_of(unchanged)) == before


def thresholds_of(project: Project) -> Any:
    """Return the thresholds, to the last digit."""
    return metrics_of(project.root, "evaluate")["thresholds"]


@pytest.mark.prove
@pytest.mark.skipif(not ON_A_PROMISED_MACHINE, reason="the bytes are promised for other machines")
@pytest.mark.skipif(
    shutil.which(QEMU[0]) is None, reason="no qemu (Debian: apt-get install qemu-user)"
)
def test_a_cpu_of_2011_gives_the_committed_bytes(tmp_path: Path) -> None:
    if real_data() is None:
        pytest.skip(NEEDS_REAL_DATA)
    here, there = clean_checkout(tmp_path / "here"), clean_checkout(tmp_path / "there")
    committed = here.outs()
    for project in (here, there):  # emulation is slow; worker processes would not be emulated
        project.set_params({"tune.n_iter": 1, "tune.n_jobs": 1, "cross_fit.n_jobs": 1})
    stages = [stage for stage in STAGES if stage != "track"]
    for stage in stages:
        here.run(sys.executable, f"stages/{stage}.py")
        # With its kernels from the start: a stage that starts itself again is not emulated.
        kernels = (f"{name}={value}" for name, value in KERNELS.items())
        there.run("env", *kernels, *QEMU, sys.executable, f"stages/{stage}.py")

    outs = committed.keys() - {"metrics/track.json"}
    assert {path for path in outs if md5_of(here, path) != md5_of(there, path)} == set()
    before_tune = stages[: stages.index("tune")]
    for path in (
        out["path"] for stage in before_tune for out in lock(there)["stages"][stage]["outs"]
    ):
        assert md5_of(there, path) == committed[path]


def md5_of(project: Project, path: str) -> str:
    content = (project.root / path).read_bytes()
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def without_models(content: dict[str, Any]) -> dict[str, Any]:
    """Return a lock without what comes out of a fitted model."""
    return {
        name: stage
        | {
            kind: [
                file
                for file in stage.get(kind, [])
                if not file["path"].startswith(
                    ("models/", "plots/", "metrics/", "data/predictions/", "docs/")
                )
            ]
            for kind in ("deps", "outs")
        }
        for name, stage in content["stages"].items()
    }


def all_metrics(project: Project) -> Any:
    """Return every metric, numbers to be compared to 1e-6."""
    return {
        path.name: flat(metrics_of(project.root, path.stem))
        for path in sorted((project.root / "metrics").glob("*.json"))
        if path.stem != "track"  # a hash of the lock, and so of models that another CPU rounds
    }


def flat(metrics: Any, key: str = "") -> Any:
    if isinstance(metrics, dict):
        return {
            k: v for name, value in metrics.items() for k, v in flat(value, f"{key}.{name}").items()
        }
    if isinstance(metrics, list):
        return flat(dict(enumerate(metrics)), key)
    return {key: pytest.approx(metrics, abs=1e-6) if isinstance(metrics, float) else metrics}


def test_the_committed_metrics_are_those_of_the_committed_lock() -> None:
    outs = [
        out for stage in lock(Project(ROOT))["stages"].values() for out in stage.get("outs", [])
    ]
    kept = [out for out in outs if out["path"].startswith(("metrics/", "docs/"))]

    assert len(kept) == len(list((ROOT / "metrics").glob("*.json"))) + 1
    for out in kept:
        assert md5_of(Project(ROOT), out["path"]) == out["md5"]


def leaves_traces(project: Project, there: Project, folder: Path) -> set[str]:
    """Run clean in two places; return what differs among its outputs."""
    project.run(sys.executable, "stages/clean.py")
    elsewhere(there, folder, sys.executable, "stages/clean.py")
    outs = ("metrics/clean.json", "data/processed/online_shoppers_clean.csv")
    return {
        out for out in outs if (project.root / out).read_bytes() != (there.root / out).read_bytes()
    }


OTHER_USER = pytest.mark.skipif(not works(*USER), reason="no user namespaces here")
OTHER_CLOCK = pytest.mark.skipif(
    not works(*CLOCK), reason="faketime is not installed (Debian: apt-get install faketime)"
)
OTHER_LOCALE = pytest.mark.skipif(
    not has_locale(), reason="no locales to compile (Debian: apt-get install locales)"
)
MORE_CORES = pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="a machine of one core")


@pytest.mark.parametrize(
    "trace",
    [
        None,
        "__import__('time').time()",
        pytest.param("str(__import__('datetime').date.today())", marks=OTHER_CLOCK),
        "__import__('time').tzname[0]",
        "str(Path.cwd())",
        "__import__('getpass').getuser()",
        pytest.param("__import__('os').getuid()", marks=OTHER_USER),
        pytest.param("__import__('platform').node()", marks=OTHER_USER),
        "str(Path.home())",
        "hash('a')",
        "list({'a', 'b', 'c', 'd', 'e', 'f', 'g'})",
        "oct(__import__('os').umask(0o22))",
        pytest.param("len(__import__('os').sched_getaffinity(0))", marks=MORE_CORES),
        "__import__('os').getpid()",
        "__import__('locale').getpreferredencoding()",
        pytest.param(
            "(__import__('locale').setlocale(__import__('locale').LC_ALL, ''), __import__('locale').format_string('%.1f', 1.5))[1]",
            marks=OTHER_LOCALE,
        ),
        "__import__('shutil').get_terminal_size().columns",
    ],
)
def test_a_trace_of_when_where_or_by_whom_would_be_caught(
    unchanged: Project, tmp_path: Path, trace: str | None
) -> None:
    code = unchanged.root / "stages" / "clean.py"
    if trace:
        plain = code.read_text(encoding="utf-8")
        planted = plain.replace('"rows_in":', f'"trace": {trace}, "rows_in":')
        code.write_text(planted, encoding="utf-8")
        assert planted != plain
    there = Project(tmp_path / "there")
    shutil.copytree(
        unchanged.root, there.root, ignore=shutil.ignore_patterns(".dvc", ".git", "mlartifacts")
    )

    assert leaves_traces(unchanged, there, tmp_path) == ({"metrics/clean.json"} if trace else set())


def test_workers_leave_no_trace(unchanged: Project) -> None:
    before = lock(unchanged)["stages"]["tune"]["outs"]
    unchanged.set_params({"tune.n_jobs": 2})
    unchanged.run("dvc", "repro", "--single-item", "tune")

    assert lock(unchanged)["stages"]["tune"]["outs"] == before


@pytest.mark.prove
def test_a_cluster_gives_the_bytes_of_one_machine(unchanged: Project, tmp_path: Path) -> None:
    before = unchanged.outs()
    with cluster_of(2, tmp_path / "cluster") as cluster:
        unchanged.set_params({"tune.backend": "dask", "tune.scheduler": cluster.address})
        said = unchanged.run("dvc", "repro").stdout

    assert len(re.findall("Running stage", said)) == 6  # five that fit, and the record
    after = unchanged.outs()
    assert {path for path in before if before[path] != after[path]} <= {"metrics/track.json"}


@pytest.mark.prove
@pytest.mark.parametrize(
    ("script", "sizes", "pages"),
    [
        ("study", ["SEEDS = range(2)"], ["docs/study.md", f"src/ecom/reporting/{STUDY}"]),
        ("verdicts", ["RESEEDED = 2", "HALVES = 2", "DRAWS = 2"], ["docs/verdicts.md"]),
    ],
)
def test_a_study_on_a_cluster_finds_what_one_machine_finds(
    unchanged: Project, tmp_path: Path, script: str, sizes: list[str], pages: list[str]
) -> None:
    file = unchanged.root / "benchmarks" / f"{script}.py"
    text = file.read_text(encoding="utf-8")
    for size in sizes:  # smaller than it is
        name = size.partition(" = ")[0]
        text, count = re.subn(rf"^{name} = .*$", size, text, flags=re.MULTILINE)
        assert count == 1
    file.write_text(text, encoding="utf-8")

    def found() -> list[str]:
        unchanged.run(sys.executable, str(file))
        texts = [(unchanged.root / page).read_text(encoding="utf-8") for page in pages]
        return [re.sub(r"\| \d+\.\d\d \|", "| seconds |", text) for text in texts]

    alone = found()
    with cluster_of(2, tmp_path / "cluster") as cluster:
        unchanged.set_params({"tune.backend": "dask", "tune.scheduler": cluster.address})
        on_cluster = found()
        with client_of(cluster.address) as client:
            done = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter)

    assert on_cluster == alone
    assert done > 0


@pytest.mark.skipif("CI" not in os.environ, reason="elsewhere, what is not at hand skips")
def test_ci_leaves_nothing_out() -> None:
    assert HAS_STRACE
    assert works(*CLOCK)
    assert has_locale()
