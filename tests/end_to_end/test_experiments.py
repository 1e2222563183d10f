"""Experiments and remotes, as a team uses them, from clones: what must hold afterwards."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ecom.project.states import open_state
from pages import commands
from project import ROOT, Project, metrics_of
from servers import free_port, sftp_server
from team import clone, holds_its_outputs, remote

SETTING = ("-S", "threshold.strategy=quota")  # threshold reruns, and what follows it


@pytest.fixture(scope="module")
def upstream(synthetic: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bare Git repository that the team pushes to."""
    bare = tmp_path_factory.mktemp("upstream") / "project.git"
    synthetic.run("git", "clone", "--quiet", "--bare", ".", str(bare))
    return bare


@pytest.fixture(scope="module")
def storage(synthetic: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that serves as the team's storage, with the outputs of main in it."""
    folder = tmp_path_factory.mktemp("storage")
    with remote(synthetic, str(folder)):
        synthetic.run("dvc", "push")
    return folder


def pulled(upstream: Path, storage: Path, root: Path) -> Project:
    """Clone what the team shares, and bring its outputs."""
    project = clone(upstream, root)
    with remote(project, str(storage)):
        project.run("dvc", "pull")
    return project


def strategy(project: Project) -> str:
    metrics = metrics_of(project.root, "threshold")
    return str(metrics["strategy"])


def test_a_clone_pulls_what_was_pushed_and_has_nothing_to_do(
    upstream: Path, storage: Path, tmp_path: Path
) -> None:
    project = pulled(upstream, storage, tmp_path / "clone")

    assert holds_its_outputs(project)
    again = project.run("dvc", "repro").stdout
    assert "Running stage" not in again
    assert "Data and pipelines are up to date." in again
    assert project.changed() == ""

    project.run(sys.executable, "-m", "ecom", "run")

    assert (
        "best_model"
        in project.run("python", "-m", "ecom", "lineage", "models/best_model.joblib").stdout
    )
    assert (project.root / "mlflow.db").exists()  # what was recorded elsewhere is recorded here
    assert project.changed() == ""


def test_a_clone_pulls_over_ssh_what_another_pushed(
    synthetic: Project, upstream: Path, tmp_path: Path
) -> None:
    port = free_port()
    with sftp_server(tmp_path / "served", port) as key:
        address = f"ssh://tester@127.0.0.1:{port}/cache"
        project = clone(upstream, tmp_path / "clone")
        with (
            remote(synthetic, address, keyfile=str(key)),
            remote(project, address, keyfile=str(key)),
        ):
            pushed = synthetic.run("dvc", "push").stdout
            project.run("dvc", "pull")
            again = synthetic.run("dvc", "push").stdout

    assert re.search(r"\d+ files pushed", pushed)
    assert "Everything is up to date." in again
    assert holds_its_outputs(project)
    assert project.changed() == ""


@pytest.mark.prove
def test_a_pull_from_storage_that_has_lost_a_file_names_it_and_leaves_no_half_of_it(
    upstream: Path, storage: Path, tmp_path: Path
) -> None:
    project = clone(upstream, tmp_path / "clone")
    md5 = project.outs()["models/best_model.joblib"]
    stored = storage / "files" / "md5" / md5[:2] / md5[2:]
    content = stored.read_bytes()
    stored.unlink()
    try:
        with remote(project, str(storage)):
            done = project.run("dvc", "pull", check=False)
    finally:
        stored.write_bytes(content)

    assert done.returncode != 0
    assert "models/best_model.joblib" in done.stdout
    assert not (project.root / "models" / "best_model.joblib").exists()


@pytest.mark.prove
def test_an_experiment_in_a_folder_of_its_own_leaves_the_workspace_alone(
    upstream: Path, storage: Path, tmp_path: Path
) -> None:
    project = pulled(upstream, storage, tmp_path / "clone")
    before = project.outs()

    project.run("dvc", "exp", "run", "--temp", "--name", "by-quota", *SETTING)

    assert project.changed() == ""
    assert project.outs() == before
    assert holds_its_outputs(project)
    assert strategy(project) == "break_even"

    project.run("dvc", "exp", "apply", "by-quota")

    assert strategy(project) == "quota"
    assert holds_its_outputs(project)
    assert project.params()["threshold"]["strategy"] == "quota"
    assert "Running stage" not in project.run("dvc", "repro").stdout


@pytest.mark.prove
def test_queued_experiments_run_two_at_a_time_each_with_its_own_setting(
    upstream: Path, storage: Path, tmp_path: Path
) -> None:
    project = pulled(upstream, storage, tmp_path / "clone")
    quotas = {"a": 0.1, "b": 0.2, "c": 0.3}
    for name, quota in quotas.items():
        project.run(
            "dvc",
            "exp",
            "run",
            "--queue",
            "--name",
            name,
            *SETTING,
            "-S",
            f"threshold.quota={quota}",
        )

    # Not through a pipe: the workers would hold it open.
    project.run("bash", "-c", "dvc queue start -j 2 > /dev/null 2>&1")
    at_once, end = 0, time.monotonic() + 300
    while True:
        status = project.run("dvc", "queue", "status").stdout
        at_once = max(at_once, status.count("Running"))
        if len(re.findall("Success|Failed", status)) == len(quotas):
            break
        assert time.monotonic() < end, status
    project.run("dvc", "queue", "stop")

    assert at_once == 2
    assert len(re.findall("Success", status)) == len(quotas), status
    assert project.changed() == ""
    shown = json.loads(project.run("dvc", "exp", "show", "--json").stdout)
    experiments = [e for state in shown for e in state["experiments"] or []]
    found = {
        e["name"]: open_state(project.root, e["name"]).metrics["threshold"]["flagged_rate"]
        for e in experiments
    }
    assert set(found) == set(quotas)
    assert all(found[name] <= quota for name, quota in quotas.items())
    assert len(set(found.values())) == len(quotas)


@pytest.mark.prove
def test_experiments_are_listed_within_120_columns_as_the_how_to_says(
    upstream: Path, storage: Path, tmp_path: Path
) -> None:
    project = pulled(upstream, storage, tmp_path / "clone")
    project.run("dvc", "exp", "run", *SETTING, "-S", "tune.seed=7")
    shown = next(command for command in commands() if command.startswith("dvc exp show -"))

    table = project.run("bash", "-c", shown, COLUMNS="120").stdout

    assert max(map(len, table.splitlines())) <= 120
    assert "…" not in table
    for column in ("cost_per_1000_sessions", "pr_auc", "tune.seed", "threshold.strategy"):
        assert column in table
    assert re.search(r"quota +$", table, re.MULTILINE)


@pytest.mark.prove
def test_an_experiment_is_pushed_by_one_and_applied_by_another(
    upstream: Path, storage: Path, tmp_path: Path
) -> None:
    one, other = (clone(upstream, tmp_path / name) for name in ("one", "other"))
    with remote(one, str(storage)), remote(other, str(storage)):
        one.run("dvc", "pull")
        one.run("dvc", "exp", "run", "--name", "shared", *SETTING)
        one.run("dvc", "exp", "push", "origin", "shared")
        listed = other.run("dvc", "exp", "list", "origin").stdout
        other.run("dvc", "exp", "pull", "origin", "shared")
        other.run("dvc", "exp", "apply", "shared")
        other.run("dvc", "checkout", "--allow-missing")
        other.run("dvc", "pull")

    assert "shared" in listed
    assert strategy(other) == "quota"
    assert other.outs() == one.outs()
    assert holds_its_outputs(other)
    assert "Running stage" not in other.run("dvc", "repro").stdout
    compared = other.run(sys.executable, "-m", "ecom", "compare", "HEAD", "workspace").stdout
    assert "threshold.strategy" in compared


@pytest.mark.prove
def test_an_experiment_from_before_the_remote_is_repaired_as_the_how_to_says(
    upstream: Path, storage: Path, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "how_to.md").read_text(encoding="utf-8")
    repair, receive = (
        command.replace("NAME", "early")
        for command in re.findall(r"`(dvc exp apply NAME[^`]+)`", page)
    )
    shared = tmp_path / "shared.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(upstream), str(shared)], check=True)
    one = clone(shared, tmp_path / "one")
    with remote(one, str(storage)):
        one.run("dvc", "pull")
    one.run("dvc", "exp", "run", "--name", "early", *SETTING)
    one.run("git", "restore", ".")
    one.run("dvc", "checkout", "--force")
    one.run("dvc", "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    one.commit()
    one.run("git", "push", "--quiet", "origin", "HEAD")
    one.run("dvc", "push")
    one.run("dvc", "exp", "push", "origin", "early")
    other = clone(shared, tmp_path / "other")
    other.run("dvc", "pull")
    other.run("dvc", "exp", "pull", "origin", "early")
    assert other.run("dvc", "exp", "apply", "early", check=False).returncode  # its data is nowhere
    other.run("git", "restore", ".")

    one.run("bash", "-c", repair)
    other.run("bash", "-c", receive)

    assert strategy(other) == "quota"
    assert holds_its_outputs(other)
    assert "storage" in (other.root / ".dvc" / "config").read_text(encoding="utf-8")
    assert "Running stage" not in other.run("dvc", "repro").stdout
