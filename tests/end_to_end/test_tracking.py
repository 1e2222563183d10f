"""The record in MLflow: real databases, real servers, servers that die, experiments at once."""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from playwright.sync_api import Browser
from ruamel.yaml import YAML

from ecom.schema import FEATURES
from ecom.tracking.lineage import to_text, trace
from ecom.tracking.runs import PIPELINE_EXPERIMENT
from project import Project, metrics_of
from servers import free_port, mlflow_server, postgresql, running

SYNTHETIC_TRIALS = 2
CANDIDATES = {"logistic", "logistic_interactions", "hist_gradient_boosting", "average"}
DEAD = "http://127.0.0.1:9"  # the port of the discard service, which nobody runs


@pytest.fixture(scope="module")
def tracked(synthetic: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of the synthetic project, recorded before its results were committed."""
    project = copied(synthetic, tmp_path_factory.mktemp("tracked") / "project")
    project.run("git", "reset", "--quiet", "--soft", "HEAD~1")
    project.run("python", "-m", "ecom", "track")
    project.commit()
    return project


def copied(project: Project, root: Path) -> Project:
    """Copy a project as it was committed, without its record."""
    project.run("git", "reset", "--quiet", "--hard")
    project.run("dvc", "checkout", "--quiet", "--force")
    ignored = shutil.ignore_patterns("mlflow.db*", "mlartifacts", "exps", "queues")
    shutil.copytree(project.root, root, symlinks=True, ignore=ignored)
    return Project(root)


def client_of(project: Project) -> MlflowClient:
    address = f"sqlite:///{project.root / 'mlflow.db'}"
    return MlflowClient(address, registry_uri=address)


def runs_in(client: MlflowClient) -> dict[str, list[Run]]:
    """Return all runs by experiment."""
    return {
        experiment.name: client.search_runs([experiment.experiment_id], max_results=1000)
        for experiment in client.search_experiments()
    }


def parents_in(client: MlflowClient) -> list[Run]:
    runs = runs_in(client).get(PIPELINE_EXPERIMENT, [])
    return [run for run in runs if "mlflow.parentRunId" not in run.data.tags]


def read(project: Project, stage: str) -> Any:
    return metrics_of(project.root, stage)


def test_every_stage_that_finds_something_is_a_run_below_the_parent(tracked: Project) -> None:
    client = client_of(tracked)

    runs = runs_in(client)

    described = {
        found.name: found.tags["mlflow.note.content"]
        for found in client.search_experiments()
        if found.name != "Default"
    }
    assert all(described.values())
    parent = parents_in(client)[0]
    below = {
        name: {run.info.run_name for run in found if "mlflow.parentRunId" in run.data.tags}
        for name, found in runs.items()
    }
    assert below == {
        "Default": set(),
        "ecom-pipeline": {"evaluate"},
        "ecom-baseline": {"baseline"},
        "ecom-cv": CANDIDATES,
        "ecom-tuning": {"tune", "trial 1", "trial 2"},
        "ecom-thresholding": {"threshold"},
        "ecom-explainability": {"explain"},
    }
    tune = next(run for run in runs["ecom-tuning"] if run.info.run_name == "tune")
    for name, found in runs.items():
        for run in found:
            above = tune if run.info.run_name.startswith("trial") else parent
            if run.info.run_id != parent.info.run_id:
                assert run.data.tags["mlflow.parentRunId"] == above.info.run_id, name
            assert run.info.status == "FINISHED"


def test_runs_hold_the_params_and_figures_of_the_project(tracked: Project) -> None:
    client = client_of(tracked)
    runs = runs_in(client)
    parent = parents_in(client)[0]
    evaluate, cv = read(tracked, "evaluate"), read(tracked, "cv")

    assert parent.data.params["tune.n_iter"] == str(SYNTHETIC_TRIALS)
    assert parent.data.params["threshold.costs.false_negative"] == "5.0"
    assert "review.decisive" not in parent.data.params
    assert parent.data.metrics["pr_auc"] == evaluate["best_model"]["pr_auc"]
    assert parent.data.metrics["baseline.pr_auc"] == evaluate["baseline"]["pr_auc"]
    matrix = evaluate["best_model"]["confusion_matrix"]
    assert parent.data.metrics["confusion_matrix.true_positives"] == matrix["true_positives"]
    for run in runs["ecom-cv"]:
        folds = cv["candidates"][run.info.run_name]["pr_auc"]["folds"]
        history = client.get_metric_history(run.info.run_id, "pr_auc_by_fold")
        assert [metric.value for metric in history] == folds
        assert [metric.step for metric in history] == list(range(len(folds)))
    trials = pd.read_csv(tracked.root / "plots" / "trials.csv")
    best = read(tracked, "tune")["best_params"]
    for run in runs["ecom-tuning"]:
        if run.info.run_name != "tune":
            row = trials[trials["trial"] == int(run.info.run_name.split()[1])].iloc[0]
            assert set(run.data.params) == set(best)
            assert run.data.metrics["pr_auc"] == row["pr_auc"]
            history = client.get_metric_history(run.info.run_id, "pr_auc_by_fold")
            assert [metric.value for metric in history] == [
                row["pr_auc_fold_1"],
                row["pr_auc_fold_2"],
            ]


def test_runs_keep_curves_pictures_card_and_what_comparing_needs(tracked: Project) -> None:
    client = client_of(tracked)

    def kept(run: Run, folder: str = "") -> Iterator[str]:
        for item in client.list_artifacts(run.info.run_id, folder):
            if item.is_dir:
                yield from kept(run, item.path)
            else:
                yield item.path

    parent = parents_in(client)[0]
    evaluate = next(
        r for r in runs_in(client)[PIPELINE_EXPERIMENT] if r.info.run_name == "evaluate"
    )
    explain = runs_in(client)["ecom-explainability"][0]

    assert {"docs/model_card.md", "dvc.lock", "params.yaml", "metrics/evaluate.json"} <= set(
        kept(parent)
    )
    assert {"curves.png", "confusion_matrix.png", "plots/best_model/roc.csv"} <= set(kept(evaluate))
    assert "plots/explain/importance.svg" in set(kept(explain))
    assert "PR-AUC" in parent.data.tags["mlflow.note.content"]


def test_the_recorded_model_takes_the_raw_file_and_answers_with_the_threshold_in_use(
    tracked: Project, tmp_path: Path
) -> None:
    raw = tracked.root / "data" / "raw" / "online_shoppers_intention.csv"
    code = (
        "import sys, cloudpickle, pickle, mlflow, numpy as np, pandas as pd\n"
        "def never(*_, **__): raise AssertionError('unpickled')\n"
        "pickle.load = pickle.loads = cloudpickle.load = cloudpickle.loads = never\n"
        "model = mlflow.pyfunc.load_model('models:/ecom-purchase@challenger')\n"
        "answers = model.predict(pd.read_csv(sys.argv[1]))\n"
        "client = mlflow.MlflowClient()\n"
        "run = client.get_model_version_by_alias('ecom-purchase', 'challenger').run_id\n"
        "logged = [output.model_id for output in client.get_run(run).outputs.model_outputs]\n"
        "(graph,) = [each for each in logged if client.get_logged_model(each).name == 'graph']\n"
        "raw = pd.read_csv(sys.argv[1]).drop(columns='Revenue')\n"
        "texts = ('Month', 'VisitorType')\n"
        "given = {name: raw[name].to_numpy(object if name in texts else float) for name in raw}\n"
        "found = mlflow.pyfunc.load_model(f'models:/{graph}').predict(given)\n"
        "np.testing.assert_allclose(found['probability'], answers['probability'], rtol=1e-8)\n"
        "answers.to_json(sys.argv[2], orient='split', double_precision=15)\n"
        "try:\n"
        "    model.predict(pd.read_csv(sys.argv[1]).head(3).assign(BounceRates=[None, -1, 0], Month='Smarch'))\n"
        "except Exception as error:\n"
        "    print(error)\n"
    )
    address = f"sqlite:///{tracked.root / 'mlflow.db'}"
    there = ("env", f"MLFLOW_TRACKING_URI={address}")

    refused = tracked.run(
        *there, sys.executable, "-c", code, str(raw), str(tmp_path / "answers.json")
    ).stdout
    answers = pd.read_json(tmp_path / "answers.json", orient="split", precise_float=True)

    sessions = pd.read_csv(raw)
    assert len(answers) == len(sessions)
    # Sessions that repeat an earlier one are in no split; the others are numbered without them.
    kept = answers[~sessions.duplicated()].reset_index(drop=True)
    predicted = pd.read_parquet(tracked.root / "data" / "predictions" / "test.parquet")
    scores = kept["probability"][predicted["row"]].to_numpy()
    np.testing.assert_allclose(scores, predicted["best_model"], rtol=1e-8)
    threshold = read(tracked, "threshold")["threshold"]
    assert (kept["decision"] == (kept["probability"] >= threshold)).all()
    assert 0 < kept["decision"].mean() < 0.5
    assert "BounceRates must be present, but 1 row broke this rule (row 0: empty)" in refused
    assert "BounceRates must be from 0 to 1, but 1 row broke this rule (row 1: '-1.0')" in refused
    assert "Month must be one of" in refused

    command = ("mlflow", "models", "predict", "-m", "models:/ecom-purchase@challenger")
    local = (
        "--env-manager",
        "local",
        "-i",
        str(raw),
        "-t",
        "csv",
        "-o",
        str(tmp_path / "out.json"),
    )
    tracked.run(*there, *command, *local)
    out = pd.DataFrame(json.loads((tmp_path / "out.json").read_text())["predictions"])
    np.testing.assert_allclose(out["probability"], answers["probability"], rtol=0, atol=1e-12)
    assert (out["decision"] == answers["decision"]).all()


def test_a_state_that_is_recorded_twice_is_there_once(tracked: Project) -> None:
    client = client_of(tracked)
    assert parents_in(client)[0].data.tags["ecom.dirty"] == "true"
    before = Counter({name: len(runs) for name, runs in runs_in(client).items()})

    done = tracked.run("python", "-m", "ecom", "track")

    assert parents_in(client)[0].info.run_id in done.stdout
    assert Counter({name: len(runs) for name, runs in runs_in(client).items()}) == before
    assert len(client.search_model_versions("name='ecom-purchase'")) == 1
    assert tracked.changed() == ""
    # It was recorded before it was committed; now the commit that holds it is known.
    tags = parents_in(client)[0].data.tags
    head = tracked.run("git", "rev-parse", "HEAD").stdout.strip()
    assert (tags["ecom.commit"], tags["ecom.dirty"]) == (head, "false")


def test_tags_tell_where_a_state_comes_from(tracked: Project) -> None:
    client = client_of(tracked)
    lock = YAML(typ="safe").load(tracked.root / "dvc.lock")["stages"]
    made = {out["path"]: out["md5"] for stage in lock.values() for out in stage["outs"]}

    tags = parents_in(client)[0].data.tags

    assert tags["ecom.model"] == made["models/best_model.joblib"]
    manifest = (tracked.root / "models" / "package" / "manifest.json").read_bytes()
    assert tags["ecom.package"] == hashlib.sha256(manifest).hexdigest()
    assert tags["ecom.raw_data"] == made["data/raw/online_shoppers_intention.csv"]
    written = (tracked.root / "metrics" / "track.json").read_text(encoding="utf-8")
    assert tags["ecom.state"] == json.loads(written)["state"]


@pytest.mark.prove
def test_the_list_of_runs_shows_their_figures_where_the_description_links_to(
    tracked: Project, browser: Browser, tmp_path: Path
) -> None:
    best = read(tracked, "evaluate")["best_model"]
    port = free_port()
    server = ("ui", "--port", str(port), "--backend-store-uri")
    store = f"sqlite:///{tracked.root / 'mlflow.db'}"
    command = (sys.executable, "-m", "mlflow", *server, store)
    address = f"http://127.0.0.1:{port}"
    with running(*command, ready=f"{address}/health", log=tmp_path / "ui.log"):
        experiment = client_of(tracked).get_experiment_by_name(PIPELINE_EXPERIMENT)
        assert experiment is not None
        linked = re.findall(r"\((#/\S+)\)", experiment.tags["mlflow.note.content"])[0]
        page = browser.new_page(viewport={"width": 2600, "height": 900})
        page.goto(f"{address}/{linked}")
        for metric in ("pr_auc", "roc_auc"):
            figure = page.get_by_text(str(best[metric]), exact=True)
            figure.wait_for(timeout=60_000)
            assert page.get_by_text(metric, exact=True).is_visible()
        assert page.get_by_text("cost_per_1000_sessions").is_visible()


def test_lineage_leads_from_anything_to_all_the_others(tracked: Project) -> None:
    tracked.run("python", "-m", "ecom", "track")
    parent = parents_in(client_of(tracked))[0]
    tags = parent.data.tags
    head = tracked.run("git", "rev-parse", "--short", "HEAD").stdout.strip()

    copy = str(tracked.root.parent / "served.joblib")
    shutil.copy(tracked.root / "models" / "best_model.joblib", copy)
    for what in (
        "models/best_model.joblib",
        copy,
        "dvc.lock",
        "HEAD",
        parent.info.run_id,
        tags["ecom.model"],
        tags["ecom.package"],
        tags["ecom.raw_data"],
        tags["ecom.state"],
        tags["ecom.params"],
        tags["ecom.commit"],
    ):
        told = to_text(tracked.root, trace(tracked.root, what), whole=True)

        assert f"  commit {head}" in told, told
        assert parent.info.run_id in told
        assert "ecom-purchase version 1 (challenger" in told
        assert f"made models/best_model.joblib {tags['ecom.model']}" in told
        assert f"made data/raw/online_shoppers_intention.csv {tags['ecom.raw_data']}" in told
        assert "by tune.n_iter = 2" in told
        assert f"PR-AUC {read(tracked, 'evaluate')['best_model']['pr_auc']:.3f}" in told
    assert "is part of 1 state" in tracked.run("python", "-m", "ecom", "lineage", "HEAD").stdout


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("nonsense", "is neither a file of the project"),
        ("abcdef0123", "no state that git or MLflow knows contains"),
    ],
)
def test_lineage_of_what_is_not_known_says_so(tracked: Project, what: str, told: str) -> None:
    done = tracked.run("python", "-m", "ecom", "lineage", what, check=False)

    assert done.returncode == 1
    assert told in done.stdout
    assert "Traceback" not in done.stdout


def test_lineage_without_mlflow_is_told_from_git(tracked: Project) -> None:
    told = tracked.run("python", "-m", "ecom", "lineage", "HEAD", MLFLOW_TRACKING_URI=DEAD).stdout

    assert "from git alone" in told
    assert "models/best_model.joblib, MD5" in told


@pytest.fixture
def copy(synthetic: Project, tmp_path: Path) -> Project:
    """Return a copy of the synthetic project without a record, which a test may run."""
    return copied(synthetic, tmp_path / "copy")


@pytest.mark.prove
def test_experiments_at_once_are_recorded_in_the_project_and_not_registered(copy: Project) -> None:
    for cost in (7, 8):
        copy.run(
            "dvc",
            "exp",
            "run",
            "--queue",
            "--name",
            f"cost{cost}",
            "-S",
            f"threshold.costs.false_negative={cost}",
        )
    copy.run("dvc", "queue", "start", "--jobs", "2")
    end = time.monotonic() + 180
    status = "Queued"
    while time.monotonic() < end and ("Queued" in status or "Running" in status):
        time.sleep(1)
        status = copy.run("dvc", "queue", "status").stdout

    client = client_of(copy)

    parents = parents_in(client)
    assert {run.data.tags["ecom.experiment"] for run in parents} == {"cost7", "cost8"}, status
    assert {run.data.params["threshold.costs.false_negative"] for run in parents} == {"7", "8"}
    assert {run.info.run_name for run in parents} == {"cost7", "cost8"}
    assert client.search_registered_models() == []
    assert copy.changed() == ""


@pytest.mark.prove
def test_a_dead_server_does_not_stop_the_pipeline_and_is_caught_up_with(copy: Project) -> None:
    copy.set_params({"threshold.costs.false_negative": 9.0})

    done = copy.run("dvc", "repro", MLFLOW_TRACKING_URI=DEAD)

    assert "track: not recorded: MLflow at http://127.0.0.1:9 failed:" in done.stdout
    assert "`python -m ecom track` tries again" in done.stdout
    assert "Traceback" not in done.stdout
    assert "up to date" in copy.run("dvc", "status").stdout
    assert read(copy, "threshold")["costs"]["false_negative"] == 9
    refused = copy.run("python", "-m", "ecom", "track", check=False, MLFLOW_TRACKING_URI=DEAD)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stdout

    copy.run("python", "-m", "ecom", "track")

    assert [run.info.status for run in parents_in(client_of(copy))] == ["FINISHED"]
    assert "up to date" in copy.run("dvc", "status").stdout


def test_a_server_that_never_answers_is_given_up(tracked: Project) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = tracked.run(
            "python",
            "stages/track.py",
            MLFLOW_TRACKING_URI=address,
            MLFLOW_HTTP_REQUEST_TIMEOUT="1",
        )

    assert f"track: not recorded: MLflow at {address}" in done.stdout
    assert tracked.changed() == ""


def test_results_of_other_params_are_not_recorded(tracked: Project) -> None:
    tracked.set_params({"threshold.costs.false_negative": 6.0})

    done = tracked.run("python", "-m", "ecom", "track", check=False)

    tracked.run("git", "checkout", "--quiet", "params.yaml")
    assert done.returncode == 1
    assert "the results of threshold do not belong" in done.stdout
    assert "run `dvc repro` first" in done.stdout


@pytest.mark.prove
def test_a_team_server_on_postgresql_keeps_champions_and_survives_being_killed(
    copy: Project, tmp_path: Path
) -> None:
    port = free_port()
    with postgresql() as database:
        with mlflow_server(tmp_path / "server", database, port) as (address, process):
            killed = subprocess.Popen(
                [sys.executable, "-m", "ecom", "track"],
                cwd=copy.root,
                env=os.environ | {"MLFLOW_TRACKING_URI": address},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            client = MlflowClient(address, registry_uri=address)
            end = time.monotonic() + 60
            while not parents_in(client) and time.monotonic() < end:
                time.sleep(0.05)
            os.killpg(process.pid, 9)
            output, _ = killed.communicate()
        assert killed.returncode == 1
        assert "MLflow at" in output
        assert "Traceback" not in output

        with mlflow_server(tmp_path / "server", database, port) as (address, _):
            assert [run.info.status for run in parents_in(client)] == ["RUNNING"]  # the half

            def ask(*command: str, check: bool = True) -> str:
                return copy.run(*command, check=check, MLFLOW_TRACKING_URI=address).stdout

            def ecom(command: str, *, check: bool = True) -> str:
                return ask("python", "-m", "ecom", command, check=check)

            ecom("track")

            assert [run.info.status for run in parents_in(client)] == ["FINISHED"]
            assert not (copy.root / "mlflow.db").exists()
            assert "first champion" in ecom("promote")

            copy.set_params({"threshold.strategy": "quota", "threshold.quota": 0.01})
            ask("dvc", "repro")
            refused = ecom("promote", check=False)
            assert "version 2 is not promoted over 1: 🔴 Worse: cost of errors" in refused

            copy.run("git", "checkout", "--quiet", "params.yaml")
            copy.set_params({"bootstrap.seed": 1})  # other intervals, the same model
            ask("dvc", "repro")
            promoted = ecom("promote")
            assert (
                "version 3: beside version 1: ⚪ No worse: every session gets the same" in promoted
            )
            assert "version 3 of ecom-purchase is champion already" in ecom("promote", check=False)
            assert "version 1: rolled back from version 3" in ecom("rollback")
            assert client.get_model_version_by_alias("ecom-purchase", "champion").version == "1"
            assert "there is no previous one" in ecom("rollback", check=False)
            few = ask("python", "-m", "ecom", "promote", "2", "--because", "we can act on few")
            assert "version 2: we can act on few; beside version 1: 🔴 Worse: cost of errors" in few
            again = ask("python", "-m", "ecom", "promote", "3")
            assert "version 3: beside version 2: 🟢 Better: cost of errors" in again

            sessions = pd.read_parquet(copy.root / "data" / "features" / "test.parquet").head(5)
            answer = served(address, sessions, tmp_path / "serve.log")
        model = joblib.load(client_download(copy))
        assert answer == pytest.approx(model.predict_proba(sessions[list(FEATURES)])[:, 1].tolist())


def client_download(project: Project) -> Path:
    """Return the model of the first commit, which is that of the champion."""
    project.run("git", "checkout", "--quiet", ".")
    project.run("dvc", "checkout", "--quiet", "--force")
    return project.root / "models" / "best_model.joblib"


def served(address: str, sessions: pd.DataFrame, log: Path) -> list[float]:
    """Return what `mlflow models serve` says of sessions."""
    port = free_port()
    body = {"dataframe_split": json.loads(sessions[list(FEATURES)].to_json(orient="split"))}
    del body["dataframe_split"]["index"]
    with running(
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "--env-manager",
        "local",
        "--model-uri",
        "models:/ecom-purchase@champion",
        "--port",
        str(port),
        "--workers",
        "1",
        ready=f"http://127.0.0.1:{port}/ping",
        log=log,
        MLFLOW_TRACKING_URI=address,
    ):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return [row["probability"] for row in json.loads(response.read())["predictions"]]
