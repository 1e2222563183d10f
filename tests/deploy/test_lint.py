"""Each check of `make lint-deploy` passes on what is there, and fails on a fault that is planted."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from deployed import SCHEMAS, TOOLS, require_tools
from project import Project, checkout

pytestmark = pytest.mark.slow

SERVICE = "deploy/kubernetes/base/service.yaml"
JOBS = "deploy/kubernetes/base/jobs.yaml"
OVERLAY = "deploy/kubernetes/overlays/staging/kustomization.yaml"
ROLLOUT = "deploy/kubernetes/components/canary/rollout.yaml"
SCRAPING = "deploy/kubernetes/components/monitoring/scraping.yaml"
ALERTS = "deploy/prometheus/alerts.yml"
TASK = "deploy/ecs/ecs.RegisterTaskDefinition.json"
WORKFLOW = ".github/workflows/checks.yml"
DOCKERFILE = "deploy/Dockerfile"
USER = "USER 10001:10001\n"


class Fault(NamedTuple):
    """What stands in a file, what is planted there, and what a check says of it."""

    check: str
    path: str
    stands: str
    planted: str
    said: str


FAULTS = [
    Fault("kustomize", OVERLAY, "../../base", "../../bass", "bass"),
    Fault("kustomize", OVERLAY, "/spec/rules/0/host", "/spec/rules/9/host", "rules"),
    Fault(
        "kubernetes",
        SERVICE,
        "replicas there are.",
        "replicas there are.\n  replicaz: 2",
        "replicaz",
    ),
    Fault("kubernetes", SERVICE, 'cpu: "1"', "cpu: [1]", "cpu"),
    Fault("kubernetes", JOBS, "schedule:", "scedule:", "schedule"),
    Fault("kubernetes", SERVICE, "kind: Service\n", "kind: Servise\n", "Servise"),
    Fault("resources", ROLLOUT, "setWeight: 5\n", "setWeigth: 5\n", "setWeigth"),
    Fault("resources", ROLLOUT, "setWeight: 5\n", "setWeight: five\n", "setWeight"),
    Fault("resources", SCRAPING, "interval: 15s", "interval: often", "interval"),
    Fault(
        "checkov",
        SERVICE,
        "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: false",
        "CKV_K8S_22",
    ),
    Fault("checkov", SERVICE, "runAsUser: 10001", "runAsUser: 0", "CKV_K8S_40"),
    Fault(
        "checkov",
        JOBS,
        "image: ecom-pipeline\n              imagePullPolicy: Always\n              command: [python, -m, ecom, score]",
        "image: python:latest\n              command: [python, -m, ecom, score]",
        "CKV_K8S_14",
    ),
    Fault("checkov", DOCKERFILE, USER, "", "CKV_DOCKER_3"),
    Fault("images", DOCKERFILE, USER, f"RUN sudo make it\n{USER}", "DL3004"),
    Fault("workflows", WORKFLOW, "runs-on: ubuntu-24.04", "runs-on: ubuntu-12.04", "ubuntu-12.04"),
    Fault("workflows", WORKFLOW, "hashFiles('dvc.lock')", "hashFile('dvc.lock')", "hashFile"),
    Fault("scripts", ".ci/run", '"$(id -u)"', "$(id -u)", "SC2046"),
    Fault("alerts", ALERTS, "== 0 or absent(", "== 2 or absent(", "EcomDown"),
    Fault("alerts", ALERTS, "for: 2m", "for: two minutes", "two minutes"),
    Fault("ecs", TASK, '"cpu": "1024"', '"cpu": 1024', "cpu"),
    Fault("ecs", TASK, '"essential"', '"esential"', "esential"),
    Fault("ecs", TASK, '"X86_64"', '"Z80"', "Z80"),
]
CHECKS = sorted({fault.check for fault in FAULTS})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of the project, with the tools that look at it."""
    require_tools()
    project = checkout(tmp_path_factory.mktemp("lint"))
    place = SCHEMAS.relative_to(SCHEMAS.parents[3])
    (project.root / place).symlink_to(SCHEMAS)
    project.commit()
    return project


def lint(project: Project, check: str) -> "subprocess.CompletedProcess[str]":
    needed = {"alerts": "promtool", "resources": "node", "scripts": "shellcheck"}.get(check)
    if needed and shutil.which(needed) is None:
        pytest.skip(f"{needed} is not installed")
    return project.run("deploy/lint", check, check=False, TOOLS=str(TOOLS))


@pytest.mark.prove  # continuous integration runs `make lint-deploy` before the tests
@pytest.mark.parametrize("check", CHECKS)
def test_a_check_passes_on_what_is_there(project: Project, check: str) -> None:
    done = lint(project, check)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.check}-{fault.said}")
def test_a_check_fails_on_what_is_planted(project: Project, fault: Fault) -> None:
    file = project.root / fault.path
    text = file.read_text(encoding="utf-8")
    assert fault.stands in text
    file.write_text(text.replace(fault.stands, fault.planted), encoding="utf-8")
    try:
        done = lint(project, fault.check)
    finally:
        project.run("git", "checkout", "--quiet", "--", fault.path)

    assert done.returncode != 0
    assert fault.said in done.stdout


def test_every_check_is_shown_failing(project: Project) -> None:
    text = (project.root / "deploy" / "lint").read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if line.startswith("if [ $# = 0 ]"))

    assert set(line.partition("set -- ")[2].partition(";")[0].split()) == {*CHECKS}


@pytest.mark.prove
def test_no_check_asks_the_network(project: Project, tmp_path: Path) -> None:
    """As a name space without a network shows, and a list of what was tried in it."""
    if os.geteuid() != 0 or shutil.which("strace") is None:
        pytest.skip("needs root and strace")
    trace = tmp_path / "trace"
    run = ("strace", "--follow-forks", "--trace=connect", f"--output={trace}", "deploy/lint")

    done = project.run("unshare", "--net", *run, check=False, TOOLS=str(TOOLS))

    if "unshare failed" in done.stdout:
        pytest.skip("no network name space may be made here")
    assert done.returncode == 0, done.stdout
    tried = [line for line in trace.read_text().splitlines() if "AF_INET" in line]
    assert tried == []
