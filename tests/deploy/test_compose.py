"""compose.yaml: locked down as it says, and its commands do what they are there for, without it."""

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import mlflow
import psycopg
import pytest
from ruamel.yaml import YAML

from ecom.models.pipelines import build_pipeline
from generated import features_and_labels
from packaged import packaged, written
from project import ROOT
from servers import SECONDS, free_port, postgresql, running
from service import served

DEPLOY = ROOT / "deploy"
SERVICES: dict[str, Any] = YAML(typ="safe").load(DEPLOY / "compose.yaml")["services"]
DIGEST = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")


def command_of(name: str, changes: dict[str, str]) -> list[str]:
    """Return what a service runs, with the places that only exist in a container changed."""
    service = SERVICES[name]
    words = [*service.get("entrypoint", ()), *service["command"]]
    for old, new in changes.items():
        assert any(old in word for word in words), old
        words = [word.replace(old, new) for word in words]
    return words


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "build" in service or DIGEST.fullmatch(service["image"])


def test_no_password_stands_in_it_or_in_git() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")

    given = re.findall(r"PASSWORD: (.*)$", text, re.MULTILINE)
    assert len(given) == 3
    assert all(value.startswith("${POSTGRES_PASSWORD:?") for value in given)
    assert (DEPLOY / ".env.example").read_text(encoding="utf-8").endswith("POSTGRES_PASSWORD=\n")
    ignored = ["git", "check-ignore", "--quiet", "deploy/.env"]
    assert subprocess.run(ignored, cwd=ROOT, check=False).returncode == 0


def test_the_health_check_is_that_of_the_image() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    (check,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", dockerfile, re.MULTILINE)

    assert SERVICES["service"]["healthcheck"]["test"] == ["CMD", *json.loads(check)]


@pytest.mark.prove
def test_mlflow_keeps_runs_in_the_database_and_files_in_the_volume(
    tmp_path: Path,
) -> None:
    port = free_port()
    with postgresql() as address:
        place = urllib.parse.urlsplit(address)
        with psycopg.connect(address, autocommit=True) as database:
            database.execute("CREATE ROLE ecom SUPERUSER LOGIN")
            database.execute((DEPLOY / "postgres" / "mlflow.sql").read_bytes())
        command = command_of(
            "mlflow",
            {
                "0.0.0.0": "127.0.0.1",  # noqa: S104
                "5000": str(port),
                "@postgres/": f"@127.0.0.1:{place.port}/",
                "/artifacts": str(tmp_path / "artifacts"),
            },
        )
        server = f"http://127.0.0.1:{port}"
        with running(*command, ready=f"{server}/health", log=tmp_path / "log"):
            client = mlflow.MlflowClient(server)
            run = client.create_run(client.create_experiment("deployed")).info.run_id
            client.log_metric(run, "pr_auc", 0.5)
            client.log_text(run, "what was found", "found.txt")
            for host, status in ((f"mlflow:{port}", 200), ("elsewhere.example", 403)):
                asked = f"{server}/api/2.0/mlflow/experiments/get?experiment_id=0"
                request = urllib.request.Request(asked, headers={"Host": host})  # noqa: S310
                assert status_of(request) == status
        with psycopg.connect(address, dbname="mlflow") as database:
            assert database.execute("SELECT key, value FROM metrics").fetchall() == [
                ("pr_auc", 0.5)
            ]

    (kept,) = (tmp_path / "artifacts").rglob("found.txt")
    assert kept.read_text(encoding="utf-8") == "what was found"


@pytest.mark.prove
def test_prometheus_reads_the_service(tmp_path: Path) -> None:
    if shutil.which("prometheus") is None:
        pytest.skip("Prometheus is not installed (Debian: apt-get install prometheus)")
    folder = Path(shutil.copytree(DEPLOY / "prometheus", tmp_path / "prometheus"))
    (folder / "alerts.yml").touch()
    files = written(
        packaged(build_pipeline("average", seed=0).fit(*features_and_labels()), "average"),
        tmp_path / "package",
    )
    port = free_port()
    with served(files, tmp_path / "served") as service:
        config = folder / "prometheus.yml"
        text = config.read_text(encoding="utf-8")
        assert "service:8000" in text
        text = text.replace("service:8000", f"127.0.0.1:{service.port}")
        config.write_text(text.replace("15s", "1s").replace(":9090", f":{port}"), encoding="utf-8")
        subprocess.run(
            ["promtool", "check", "config", str(config)], check=True, capture_output=True
        )
        command = command_of(
            "prometheus",
            {"/etc/prometheus": str(folder), "=/prometheus": f"={tmp_path / 'metrics'}"},
        )
        server = f"http://127.0.0.1:{port}"
        with running(
            "prometheus",
            *command,
            f"--web.listen-address=127.0.0.1:{port}",
            ready=f"{server}/-/ready",
            log=tmp_path / "log",
        ):
            assert value_of(server, 'up{job="ecom"}') == 1
            assert value_of(server, 'up{job="prometheus"}') == 1


def status_of(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310  loopback
            return int(reply.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def value_of(server: str, query: str) -> float:
    """Return the value of the one series that a query finds, as soon as there is one."""
    address = f"{server}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with urllib.request.urlopen(address, timeout=10) as reply:  # noqa: S310  loopback
            found = json.load(reply)["data"]["result"]
        if found:
            return float(found[0]["value"][1])
        time.sleep(0.5)
    raise AssertionError(f"{query} finds nothing")
