"""Whatever breaks a run off, the next one reaches the same lock, and no half file counts.

The next one is `dvc repro`, or `make run` where a kill has cut one of DVC's own files.
"""

import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from ruamel.yaml import YAML

from ecom.project.recovery import recover
from project import Project
from scripts import STAGES

pytestmark = pytest.mark.prove
KILLS_OF_EACH_STAGE = 4
AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]
MEGABYTE = 1 << 20
CUT = re.compile(  # what DVC says of its own files
    r"Unable to read RWLock-file|dvc\.lock' validation failed|dvc\.lock', YAML file structure is corrupted"
    r"|dvc\.lock' is invalid|in stages -> "
)


@pytest.fixture(scope="module")
def project(synthetic: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of the project that has run, to be broken."""
    root = tmp_path_factory.mktemp("broken") / "project"
    shutil.copytree(synthetic.root, root, symlinks=True, ignore=shutil.ignore_patterns("exps"))
    return Project(root)


@pytest.fixture(scope="module")
def seconds(project: Project) -> dict[str, float]:
    """Return how long each stage works, about."""
    taken = {}
    for stage in STAGES:
        start = time.monotonic()
        project.run(sys.executable, f"stages/{stage}.py")
        taken[stage] = time.monotonic() - start
    return taken


def lock_of(project: Project) -> str:
    return (project.root / "dvc.lock").read_text(encoding="utf-8")


def broken_files(project: Project, outs: dict[str, str]) -> list[str]:
    """Return outputs that are there and are not what they must be."""
    return [
        path
        for path, md5 in outs.items()
        if (file := project.root / path).exists()
        and hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() != md5
    ]


@contextmanager
def started(project: Project, *command: str) -> "Iterator[subprocess.Popen[str]]":
    """Start a command in a group of its own; kill what is left of it after the block."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with subprocess.Popen(
        command,
        cwd=project.root,
        env=os.environ | {"PATH": path},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            kill(process)


def at_work(process: "subprocess.Popen[str]", *words: str) -> list[psutil.Process]:
    """Return the Python processes below a command whose command line has these words."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                line = " ".join(child.cmdline())
                if re.match(r"\S*python", line) and all(word in line for word in words):
                    found.append(child)
    return found


def wait_for(found: Callable[[], list[Any]], process: "subprocess.Popen[str]") -> list[Any]:
    while process.poll() is None:
        if result := found():
            return result
        time.sleep(0.01)
    return []


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill all that a command started, and wait for it: DVC takes a zombie for a living process."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def recovers(project: Project, lock: str) -> None:
    """Hold `dvc repro` to reach a lock, and git to see no change.

    Where the kill has cut one of DVC's own files, DVC must name it, and `make run` go on.
    """
    done = project.run("dvc", "repro", check=False)
    if done.returncode:
        assert CUT.search(done.stdout), done.stdout
        done = project.run(sys.executable, "-m", "ecom", "run")
        assert "was cut off, probably by a kill" in done.stdout
    assert "Traceback" not in done.stdout
    now, before = (YAML(typ="safe").load(text)["stages"] for text in (lock_of(project), lock))
    assert now == before
    assert broken_files(project, project.outs()) == []
    assert all((project.root / path).exists() for path in project.outs())
    assert project.changed() == ""


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_killed_at_any_moment_is_made_good_by_the_next_run(
    project: Project, seconds: dict[str, float], stage: str
) -> None:
    lock, outs = lock_of(project), project.outs()
    random_ = random.Random(stage)  # noqa: S311
    script = f"stages/{stage}.py"
    hits = 0  # kills that found the stage at work
    for kill_number in range(10 * KILLS_OF_EACH_STAGE):
        # As `dvc repro` runs it when it is stale, without making it so.
        with started(project, "dvc", "repro", "--force", "--single-item", stage) as process:
            wait_for(lambda: at_work(process, script), process)
            time.sleep(random_.uniform(0, seconds[stage]))
            found = at_work(process, script)
            hits += bool(found)
            if kill_number % 3 == 0:  # as the kernel does where memory runs out: the stage alone
                for worker in found:
                    with suppress(psutil.NoSuchProcess):
                        worker.kill()
                said, _ = process.communicate()
                killed = f"failed to run: python {script}, exited with -9"
                assert process.returncode == 0 or killed in said
            elif kill_number % 3 == 1:  # DVC alone: the stage goes on, beside the next run
                process.kill()
                process.wait()
            else:
                kill(process)
            assert broken_files(project, outs) == []

            recovers(project, lock)
        assert broken_files(project, outs) == []
        if hits == KILLS_OF_EACH_STAGE:
            return
    raise AssertionError(f"{stage} was at work in {hits} of {kill_number + 1} kills")


def fresh(project: Project, root: Path) -> Project:
    """Clone a project: what it should come to, but no outputs and no cache."""
    project.run("git", "clone", "--quiet", str(project.root), str(root))
    clone = Project(root)
    clone.run("git", "config", "user.name", "test")
    clone.run("git", "config", "user.email", "test@example.org")
    return clone


def test_a_cold_run_killed_again_and_again_comes_to_the_same_lock(
    project: Project, tmp_path: Path
) -> None:
    lock, outs = lock_of(project), project.outs()
    clone = fresh(project, tmp_path / "clone")
    random_ = random.Random(0)  # noqa: S311
    kills = 0
    for patience in range(100):
        with started(clone, "dvc", "repro") as process:
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=random_.uniform(1, 3) + patience / 10)
            if process.poll() == 0:
                break
            kills += process.poll() is None
        recover(clone.root)  # as `make run` does first
        assert broken_files(clone, outs) == []

    assert kills >= 10
    recovers(clone, lock)


def test_a_worker_that_is_killed_is_named_as_the_cause(project: Project) -> None:
    project.set_params({"tune.n_jobs": 2, "tune.n_iter": 30})
    with started(project, sys.executable, "stages/tune.py") as process:
        worker, *_ = wait_for(lambda: at_work(process, "popen_loky"), process)
        time.sleep(0.5)
        worker.kill()
        said, _ = process.communicate()
    project.run("git", "checkout", "--quiet", "params.yaml")

    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("tune: a worker process was killed, probably because")
    assert "Traceback" not in said


NO_MEMORY = re.compile(  # the stage's words, OpenBLAS's, the C library's
    "memory ran out|Memory allocation still failed|[Cc]annot allocate memory"
)


@pytest.mark.parametrize(
    ("stage", "megabytes"), [("clean", 400), ("evaluate", 1000), ("explain", 1500)]
)
def test_a_stage_without_memory_says_so(project: Project, stage: str, megabytes: int) -> None:
    lock, outs = lock_of(project), project.outs()
    for limit in range(megabytes, 0, -50):
        # OpenBLAS may ask for memory for ever: then timeout ends it, with 137.
        command = f"ulimit -v {limit * 1024}; timeout -s KILL 20 {sys.executable} stages/{stage}.py"
        done = project.run("bash", "-c", command, check=False)
        assert broken_files(project, outs) == []
        if done.returncode not in (0, 137, -9):
            break

    assert NO_MEMORY.search(done.stdout), done.stdout
    assert "Traceback" not in done.stdout
    recovers(project, lock)


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Callable[[str], None]]:
    """Mount a disk of so many bytes; yield what mounts it anew with other options."""
    folder.mkdir(exist_ok=True, parents=True)

    def mount(options: str) -> None:
        command = [
            *AS_ROOT,
            "mount",
            "-t",
            "tmpfs",
            "-o",
            f"mode=1777,{options}",
            "tmpfs",
            str(folder),
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode and not options.startswith("remount"):
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr

    mount(f"size={size}")
    try:
        yield lambda options: mount(f"remount,{options}")
    finally:
        subprocess.run([*AS_ROOT, "umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_named_and_made_good(project: Project, tmp_path: Path) -> None:
    lock, outs = lock_of(project), project.outs()
    with disk(tmp_path / "disk", 100 * MEGABYTE) as remount:
        clone = fresh(project, tmp_path / "disk" / "clone")
        stopped: list[list[str]] = []
        while len(stopped) < 100:
            remount(f"size={shutil.disk_usage(clone.root).used + MEGABYTE // 2}")
            done = clone.run("dvc", "repro", check=False)
            assert broken_files(clone, outs) == []
            assert "Traceback" not in done.stdout
            if done.returncode == 0:
                break
            assert re.search("No space left on device|disk is full", done.stdout), done.stdout
            stopped.append(re.findall(r"Running stage '(\w+)'", done.stdout)[-1:])

        assert len(stopped) >= 5, stopped
        remount(f"size={200 * MEGABYTE}")
        recovers(clone, lock)


def test_a_folder_that_cannot_be_written_is_named_and_made_good(
    project: Project, tmp_path: Path
) -> None:
    lock = lock_of(project)
    with disk(tmp_path / "disk", 200 * MEGABYTE) as remount:
        clone = fresh(project, tmp_path / "disk" / "clone")
        clone.run("dvc", "repro", "features")
        remount("ro")
        by_hand = clone.run(sys.executable, "stages/baseline.py", check=False)
        by_dvc = clone.run("dvc", "repro", check=False)
        remount("rw")

        assert by_hand.stdout.startswith("baseline: Read-only file system: ")
        assert by_hand.returncode == 1
        assert by_dvc.returncode != 0
        assert "Read-only file system" in by_dvc.stdout
        assert "Traceback" not in by_hand.stdout + by_dvc.stdout
        recovers(clone, lock)


def test_one_read_only_folder_stops_the_stage_that_writes_there(
    project: Project, tmp_path: Path
) -> None:
    lock = lock_of(project)
    clone = fresh(project, tmp_path / "clone")
    with disk(clone.root / "plots" / "explain", MEGABYTE) as remount:
        remount("ro")
        done = clone.run("dvc", "repro", check=False)

    assert done.returncode != 0
    assert "explain: Read-only file system: " in done.stdout
    assert "Traceback" not in done.stdout
    recovers(clone, lock)
