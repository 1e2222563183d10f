"""The image of the service: built from nothing twice, started as an engine would, asked."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from project import ROOT, Project
from servers import free_port, postgresql, running
from service import Served, served
from unpacked import Image, unpack

pytestmark = pytest.mark.prove
MOST = 200_000_000  # bytes of the service, unpacked
ARCHIVE = "dist/service.oci.tar"
TOOLS = ("buildah", "mmdebstrap", "setpriv", "unshare")


@pytest.fixture(scope="module")
def built(synthetic: Project) -> Path:
    """Return the archive of an image of the synthetic project."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root, and {', '.join(missing) or 'no further tool'}")
    synthetic.run("deploy/build")
    return synthetic.root / ARCHIVE


@pytest.fixture(scope="module")
def image(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return unpack(built, tmp_path_factory.mktemp("image") / "root")


@contextmanager
def started(image: Image, log: Path, *options: str) -> Iterator[tuple[Served, psutil.Process]]:
    """Run the image until the block ends; yield also the process that is its first."""
    port = free_port()
    command = image.command("--host", "127.0.0.1", "--port", str(port), *options)
    url = f"http://127.0.0.1:{port}"
    with running(*command, ready=f"{url}/health/ready", log=log) as process:
        (first,) = psutil.Process(process.pid).children()
        yield Served(url, port, process, log), first


def inside(image: Image, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a program in the image, as its user."""
    return subprocess.run(
        image.command(entrypoint=[*command]), check=False, capture_output=True, text=True
    )


def test_a_second_build_elsewhere_gives_the_same_bytes(
    synthetic: Project, built: Path, tmp_path: Path
) -> None:
    other = Project(tmp_path / "a clone, (é)")
    shutil.copytree(synthetic.root, other.root, ignore=shutil.ignore_patterns("dist"))
    for path in other.root.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            os.utime(path, (10**9, 10**9))

    other.run("sh", "-c", "umask 077; deploy/build")

    assert (other.root / ARCHIVE).read_bytes() == built.read_bytes()


def test_it_answers_the_golden_sessions_as_they_were_reviewed(
    synthetic: Project, image: Image, tmp_path: Path
) -> None:
    package = synthetic.root / "models" / "package"
    golden = json.loads((package / "golden.json").read_bytes())
    sessions = [row["session"] for row in golden]

    def answers(service: Served) -> list[dict[str, Any]]:
        found = [
            service.post(path, one).json for path in ("/predict", "/explain") for one in sessions
        ]
        return [{**answer, "request_id": None} for answer in found]

    with started(image, tmp_path / "log") as (contained, _):
        found = answers(contained)
        batch = contained.post("/predict/batch", {"sessions": sessions}).json["answers"]
        pages = [
            contained.get(path).status for path in ("/", "/model", "/metrics", "/openapi.json")
        ]
    with served(package, tmp_path / "checkout") as checkout:
        assert found == answers(checkout)

    alone = [one["probability"] for one in found[: len(golden)]]
    assert alone == pytest.approx([row["probability"] for row in golden], abs=1e-12)
    assert [one["probability"] for one in batch] == alone
    assert pages == [200] * 4
    for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines():
        json.loads(line)  # libraries write nothing of their own


def test_sigterm_lets_its_first_process_finish(image: Image, tmp_path: Path) -> None:
    with started(image, tmp_path / "log") as (service, first):
        assert first.uids().real == 10001
        first.send_signal(signal.SIGTERM)
        service.event(event="draining")
        assert service.get("/health/live").status == 200
        service.event(event="stopped")
        assert service.process.wait(timeout=30) in (0, 128 + signal.SIGTERM)


def test_it_runs_as_nobody_and_can_write_to_tmp_alone(image: Image) -> None:
    code = (
        "import os\n"
        "print(os.getuid(), os.getgid(), os.getgroups())\n"
        "for folder in ('/', '/app/package', '/opt/ecom', '/etc', '/var', '/tmp'):\n"
        "    try: open(folder + '/new', 'w'); print(folder)\n"
        "    except OSError as error: print(os.strerror(error.errno))"
    )

    done = inside(image, "python", "-c", code)

    refused = ["Read-only file system"] * 5
    assert done.stdout.splitlines() == ["10001 10001 []", *refused, "/tmp"]  # noqa: S108


def test_nothing_in_it_is_more_than_it_needs(image: Image) -> None:
    files = [path for path in image.root.rglob("*") if not path.is_symlink() and path.is_file()]
    names = {path.relative_to(image.root).as_posix() for path in files}

    assert sum(path.stat().st_size for path in files) <= MOST
    unwanted = r"(^|/)(pip|ensurepip|tests|apt|pandas|sklearn)/|machine-id$|\.log$"
    assert [name for name in names if re.search(unwanted, name)] == []
    assert [path for path in files if path.stat().st_mode & 0o6022] == []
    # An engine writes these; the build had those of its machine.
    for name in ("hostname", "hosts", "resolv.conf"):
        assert (image.root / "etc" / name).read_bytes() == b""
    assert inside(image, "python", "-m", "pip", "--version").returncode != 0


def test_no_start_compiles_what_the_build_could(image: Image) -> None:
    code = (
        "import sys, importlib.util, os, ecom.__main__, ecom.serving.server\n"
        "files = {getattr(module, '__file__', None) or '' for module in sys.modules.values()}\n"
        "sources = [file for file in files if file.endswith('.py')]\n"
        "made = [file for file in sources if os.path.exists(importlib.util.cache_from_source(file))]\n"
        "print(len(made) > 500, {*sources} - {*made})"
    )

    assert inside(image, "python", "-c", code).stdout == "True set()\n"


def test_its_health_check_tells_a_service_that_answers_from_one_that_does_not(
    image: Image, tmp_path: Path
) -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    (check,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", text, re.MULTILINE)

    with started(image, tmp_path / "log") as (service, _):
        command = json.loads(check.replace(":8000", f":{service.port}"))
        assert inside(image, *command).returncode == 0
    assert inside(image, *command).returncode != 0


def test_it_keeps_scores_and_outcomes_in_postgresql(image: Image, tmp_path: Path) -> None:
    session = json.loads((ROOT / "docs" / "session.json").read_bytes())
    log = tmp_path / "log"
    with (
        postgresql() as address,
        started(image, log, "--store", address, "--log-scores") as (service, _),
    ):
        asked = service.post("/predict", session).json["request_id"]
        time.sleep(2)  # scores are written a second later, together
        outcome = {"request_id": asked, "outcome": True}

        assert service.post("/feedback", outcome).json["known"] is True
