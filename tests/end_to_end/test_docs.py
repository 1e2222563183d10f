"""The commands of README and docs do what they are there for."""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecom.data.synthetic import generate_sessions
from pages import commands
from project import RAW, ROOT, Project, metrics_of

HAS_RESULTS = "Results on synthetic sessions"
OWN = "dvc exp run -S 'data.sources=[\"/path/to/sessions.csv\"]' -S data.sha256=null -S validate.min_rows=1000 -S validate.max_rows=1000000"
PUSH = "dvc remote add --default storage PATH && dvc push"

# Each command, and a part of what it prints; where they differ, what is run instead.
RUN: dict[str, str | tuple[str, str]] = {
    "dvc checkout": "",
    "dvc metrics diff": "",
    "dvc metrics show metrics/summary.json": "pr_auc",
    "dvc plots diff": "index.html",
    "dvc plots show": "index.html",
    "dvc pull": (f"{PUSH} && dvc pull", "up to date"),
    "dvc push": (PUSH, "files pushed"),
    "dvc remote add --default storage PATH": "",
    "dvc repro": "Data and pipelines are up to date.",
    "dvc repro --force fetch": "synthetic sessions",
    "dvc repro --single-item tune": "up to date",
    "git commit": ("git commit --quiet --allow-empty --message state", ""),
    "git config user.name": "test",
    "git restore . && dvc repro": "",
    "make": "run the long proofs",
    "make alerts": "",
    "make deps": "",
    "make docs": "",
    "make report": "reports/index.html",
    "make run": HAS_RESULTS,
    "make sbom": "",
    "python -m ecom compare": "",
    "python -m ecom compare [BASE] [HEAD]": ("python -m ecom compare HEAD workspace", ""),
    "python -m ecom lineage models/best_model.joblib": "best_model",
    "python -m ecom package": "dist/purchase_model-0+",
    "python -m ecom promote": "the first champion",
    'python -m ecom promote --because "REASON"': (
        'python -m ecom promote --because "REASON"; true',
        "champion",
    ),
    "python -m ecom review": "",
    "python -m ecom rollback": (
        "python -m ecom promote; python -m ecom rollback; true",
        "is the first champion",
    ),
    "python -m ecom score sessions.csv scores.csv": (
        f"cp {RAW} sessions.csv && python -m ecom score sessions.csv scores.csv",
        "of them flagged",
    ),
    "python -m ecom drift models/package NEW": (
        f"python -m ecom drift models/package {RAW}; true",
        "reports/drift/drift.html",
    ),
    "python -m ecom judge CHAMPION CHALLENGER SESSIONS": (
        f"python -m ecom judge models/package HEAD {RAW}; true",
        "are like one that a model was fitted to",
    ),
    "python -m ecom track": "",
    "python stages/tune.py": "tune: ",
    "source .venv/bin/activate": (f". {sys.prefix}/bin/activate && dvc --version", "3."),
}
LONG: dict[str, str | tuple[str, str]] = {
    "dvc exp run -S cv.rule=one_standard_error": "Ran experiment",
    "dvc exp run -S features.set=at_arrival": "Ran experiment",
    "dvc exp run -S threshold.strategy=quota -S threshold.quota=0.1": "quota: from",
    "dvc exp run -S tune.n_iter=30": "Ran experiment",
    "dvc exp run -S split.max_train_rows=5000": "5,000 training rows",
    OWN: (OWN.replace("-S data", "-S data.source=real -S data", 1), "Ran experiment"),
    "make review": "",
    "pip install -r requirements-remotes.txt": (
        "pip install --dry-run --quiet -r requirements-remotes.txt",
        "",
    ),
}
NOT_RUN = {
    "dvc exp show --only-changed --drop 'Created|data|.*(/|txt|_pr_auc|roc|prec|recall|threshold$)'": (
        "test_experiments.py runs it"
    ),
    "dvc exp pull origin NAME": "test_experiments.py runs it",
    "dvc exp push origin NAME": "test_experiments.py runs it",
    "dvc exp apply": "test_experiments.py runs it",
    "dvc exp show": "not whole: a name of what how_to.md shows whole",
    "dvc exp run": "not whole: a name of what others show whole",
    "mlflow models predict -m models:/ecom-purchase@champion -i sessions.csv -t csv --env-manager local": (
        "test_tracking.py runs it, on the raw file"
    ),
    "dvc exp apply NAME && git restore .dvc/config && dvc push": "test_experiments.py runs it",
    "dvc exp apply NAME; git restore .dvc/config; dvc pull": "test_experiments.py runs it",
    "dvc remote add --default storage s3://BUCKET/dvc": "test_object_store.py runs it",
    "dvc remote modify storage endpointurl ADDRESS": "test_object_store.py runs it",
    "dvc remote modify storage verify true": "test_object_store.py runs it",
    "dvc remote modify --local storage access_key_id KEY": "test_object_store.py runs it",
    "dvc remote modify --local storage secret_access_key SECRET": "test_object_store.py runs it",
    "dvc repro --pull": "test_object_store.py runs it",
    "mlflow server --backend-store-uri sqlite:///runs.db --artifacts-destination s3://BUCKET/mlflow": (
        "test_object_store.py runs it, on a free port"
    ),
    "make review BASE=BRANCH": "test_review.py runs it",
    "python -m ecom review BRANCH": "test_review.py runs it",
    "make check": "runs the fast tests of what runs this",
    "make format": "changes the code; `make lint` checks the same",
    "make audit": "asks PyPI for its list of vulnerabilities, which not every mirror has",
    "mlflow models serve": "named alone; benchmarks/serving.py runs it",
    "python -m ecom score IN OUT": "how_to.md shows it with files",
    "python -m ecom drift REFERENCE NEW": "how_to.md shows it with a package",
    "python -m ecom drift models/package --from-store feedback.db --days 7": (
        "test_feedback.py runs it on what a service has kept"
    ),
    "python -m ecom drift": "not whole: a name of what how_to.md shows whole",
    "python -m ecom promote --sessions SESSIONS": "test_registry.py runs it",
    "python -m ecom retrain --with NEW": "test_retraining.py of end_to_end runs it",
    "python -m ecom serve --store feedback.db": "test_feedback.py runs it",
    "make bench-scale": "runs for an hour; writes tables in docs/scale.md",
    "python -m ecom worker ADDRESS": "runs until it is stopped; the tests of tests/cluster run it",
    "python -m ecom worker": "not whole: a name of what how_to.md shows whole",
    "python -m ecom score --dask ADDRESS": "test_workers.py of tests/serving/bulk runs it",
    "python -m ecom score IN OUT --dask ADDRESS": "test_workers.py of tests/serving/bulk runs it",
    "dvc exp run -S tune.backend=dask -S tune.scheduler=ADDRESS": (
        "tests/cluster/test_fitting.py runs the search on a cluster"
    ),
    "make drift-study": "runs for half an hour; writes docs/drift.md",
    "make bench-score": "times scoring for some minutes; writes docs/scoring.md",
    "make bench-image": "builds and times both images; writes a table in docs/deployment.md",
    "make image": "test_image.py runs deploy/build, which is all it runs",
    "make image-pipeline": "builds a gigabyte; test_image.py builds the service by the same script",
    "docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges --publish 127.0.0.1:8000:8000 ecom-service": (
        "no engine is here; test_image.py runs the image in the same way without"
    ),
    "python deploy/unpacked.py dist/service.oci.tar FOLDER --host 127.0.0.1": (
        "serves until it is stopped; test_image.py runs its two functions"
    ),
    "make bench-serve": "times servers for five minutes; writes docs/serving.md",
    "make bench": "times things for a minute; its code is linted and typed",
    "make lint": "make test runs it first",
    "make lint-deploy": "test_lint.py of tests/deploy runs each of its checks",
    "make lock": "takes the newest versions there are",
    "make prove": "runs for half an hour: what runs this",
    "make serve": "serves until it is stopped; test_serving.py runs it",
    "curl -H 'Content-Type: application/json' -d @docs/session.json http://127.0.0.1:8000/predict": (
        "test_serving.py runs it"
    ),
    "python -m ecom serve": "serves until it is stopped; test_serving.py runs it",
    "python -m ecom serve --help": "prints the options; test_serving.py runs the command",
    "make study": "runs for twenty minutes; writes docs/study.md",
    "make test": "runs this",
    "make ui": "serves until it is stopped; test_tracking.py runs such a server",
    "make verdicts": "runs for an hour; writes docs/verdicts.md",
    "python stages/NAME.py": "test_hermetic.py runs each",
}


def test_every_command_is_run_or_says_why_not() -> None:
    assert set(commands()) == {*RUN, *LONG, *NOT_RUN}


@pytest.fixture(scope="module")
def shop(synthetic: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of the project that has run, and is recorded."""
    root = tmp_path_factory.mktemp("docs") / "project"
    ignored = shutil.ignore_patterns("mlflow.db*", "mlartifacts", "exps", "queues")
    shutil.copytree(synthetic.root, root, symlinks=True, ignore=ignored)
    project = Project(root)
    project.run("python", "-m", "ecom", "track")
    return project


@pytest.fixture
def put_back(shop: Project) -> Iterator[Project]:
    """Return the project; put it back as it was after the test."""
    yield shop
    shop.run("git", "reset", "--quiet", "--hard")
    shop.run("dvc", "checkout", "--quiet", "--force")


@pytest.mark.parametrize(
    "command", [*RUN, *(pytest.param(long, marks=pytest.mark.prove) for long in LONG)]
)
def test_a_command_works_as_it_is_shown(put_back: Project, tmp_path: Path, command: str) -> None:
    found = (RUN | LONG)[command]
    run, printed = found if isinstance(found, tuple) else (command, found)
    own = tmp_path / "my sessions, (é) 100%.csv"
    generate_sessions(1800, seed=9).to_csv(own, index=False)
    # The environment of these tests serves, instead of one that make would set up.
    ready = " ".join(f"--assume-old={sys.prefix}/{name}.ready" for name in ("run", "test"))
    run = (
        run.replace("/path/to/sessions.csv", str(own))
        .replace("PATH", str(tmp_path / "storage"))
        .replace("make", f"make VENV={sys.prefix} {ready}", int(run.startswith("make")))
    )

    # As in a clone, whose environment has the library of the clone.
    done = put_back.run("bash", "-c", run, PYTHONPATH=str(put_back.root / "src"))

    assert printed in done.stdout
    assert "Traceback" not in done.stdout


def test_a_file_of_other_columns_with_faulty_rows_is_used_as_the_how_to_says(
    put_back: Project, tmp_path: Path
) -> None:
    sessions = generate_sessions(1800, seed=9).astype(object)
    sessions.loc[[3, 9], ["Administrative_Duration", "ExitRates"]] = -1
    sessions.loc[20, "BounceRates"] = None
    own = tmp_path / "own, (é).csv.xz"
    sessions.rename(columns={"PageValues": "page_values"}).to_csv(own)
    page = (ROOT / "docs" / "how_to.md").read_text(encoding="utf-8")
    settings = re.findall(
        r"`(-S (?:'data\.rename|data\.ignore_extra|clean\.drop_invalid)[^`]*)`", page
    )
    assert len(settings) == 3

    command = f"dvc exp run -S data.source=real -S 'data.sources=[\"{own}\"]' -S data.sha256=null"
    done = put_back.run("bash", "-c", f"{command} {' '.join(settings)} clean")

    assert "clean: 1," in done.stdout
    assert ", 3 invalid" in done.stdout
    assert metrics_of(put_back.root, "clean")["invalid_dropped"] == 3
