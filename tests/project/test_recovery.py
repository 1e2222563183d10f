"""A run that was killed while DVC wrote goes on by `make run`."""

import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from dvc.exceptions import DvcException
from dvc.repo import Repo
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from zc.lockfile import LockFile

from ecom.errors import ProjectError
from ecom.project.files import LOCK
from ecom.project.recovery import CUT, DVC_LOCKS, IN_USE, recover
from ecom.project.states import folder_state
from project import ROOT

WHOLE = (ROOT / LOCK).read_bytes()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a repository with a committed dvc.lock, and stages without their code."""
    for command in (
        ["git", "init", "--quiet"],
        ["git", "config", "user.name", "test"],
        ["git", "config", "user.email", "test@example.org"],
        ["dvc", "init", "--quiet"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
    for name in ("dvc.yaml", "params.yaml", LOCK):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["git", "add", "--all"], cwd=tmp_path, check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", "state"], cwd=tmp_path, check=True)
    return tmp_path


def readable(project: Path) -> bool:
    """Whether DVC reads dvc.lock."""
    try:
        with Repo(str(project)) as repo:
            return bool(repo.index.stages)
    except (DvcException, AttributeError):  # a hash of which the first digits read as a number
        return False


def test_whole_files_are_left_alone(project: Path) -> None:
    (project / IN_USE).parent.mkdir(parents=True, exist_ok=True)
    (project / IN_USE).write_text('{"read": {}}')

    assert recover(project) == []
    assert (project / LOCK).read_bytes() == WHOLE
    assert (project / IN_USE).exists()


def test_a_list_of_what_is_in_use_that_was_cut_is_removed(project: Path) -> None:
    (project / IN_USE).parent.mkdir(parents=True, exist_ok=True)
    (project / IN_USE).write_text('{"read": {"/da')

    assert recover(project) == [f"{IN_USE} was cut off, probably by a kill: removed it"]
    assert not (project / IN_USE).exists()


def test_files_that_dvc_is_writing_are_left_alone(project: Path) -> None:
    (project / LOCK).write_bytes(b"")
    (project / IN_USE).parent.mkdir(parents=True, exist_ok=True)
    for name in DVC_LOCKS:
        with closing(LockFile(str((project / IN_USE).with_name(name)))):
            assert recover(project) == []

    assert recover(project) == [
        f"{LOCK} was cut off, probably by a kill: restored the committed one; what was left is in {CUT}"
    ]


@example(end=13)  # the first line alone, which is a lock of no stages
@example(end=242)  # a hash whose first digits are a number
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(end=st.integers(0, len(WHOLE) - 1))
@pytest.mark.slow
def test_a_lock_that_was_cut_anywhere_is_one_that_dvc_reads_again(project: Path, end: int) -> None:
    (project / LOCK).write_bytes(WHOLE[:end])
    cut = not readable(project)

    said = recover(project)

    assert said or not cut  # a hash that was cut is seen where DVC would only find it another
    assert readable(project)
    assert (project / LOCK).read_bytes() == (WHOLE if said else WHOLE[:end])


def test_a_lock_that_was_never_committed_is_removed(project: Path) -> None:
    (project / ".git").rename(project / "elsewhere")
    (project / LOCK).write_bytes(b"")

    assert recover(project) == [
        f"{LOCK} was cut off, probably by a kill: removed it; what was left is in {CUT}"
    ]
    assert not (project / LOCK).exists()
    assert (project / CUT).read_bytes() == b""


def test_a_merge_conflict_is_left_to_people(project: Path) -> None:
    conflict = WHOLE[:200] + b"\n<<<<<<< HEAD\n=======\n>>>>>>> other\n" + WHOLE[200:]
    (project / LOCK).write_bytes(conflict)

    assert recover(project) == []
    assert (project / LOCK).read_bytes() == conflict


@pytest.mark.parametrize("end", [100, 9000, 20000])
def test_commands_that_read_a_lock_that_was_cut_say_what_repairs_it(
    project: Path, end: int
) -> None:
    (project / LOCK).write_bytes(WHOLE[:end])

    try:
        lock = folder_state(project).lock
    except ProjectError as error:
        assert "`make run` repairs it" in str(error)  # noqa: PT017
    else:
        assert lock.stages  # the cut left whole stages
