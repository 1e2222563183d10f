"""Commands name what is wrong before any work, and end in an exit status that a gate can use."""

import subprocess
import sys
from pathlib import Path

import pytest

from project import ROOT


def ecom(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ecom", *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("command", ["run", "docs"])
def test_a_command_in_the_wrong_folder_says_so(tmp_path: Path, command: str) -> None:
    done = ecom(tmp_path, command)

    assert done.returncode == 1
    assert done.stderr == (
        f"ecom: no dvc.yaml in {tmp_path}: change to the root folder of the project\n"
    )


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Return a folder whose params.yaml has a fault."""
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(params.replace("n_iter: 15", "n_iter: many"))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["run"], 1),
        (["track"], 1),
        (["report"], 1),
        (["compare"], 1),
        (["compare", "--gate"], 3),  # undecidable: a fault is no worse model
        (["review"], 3),
    ],
)
def test_a_fault_in_params_is_named_before_any_work(
    broken: Path, arguments: list[str], status: int
) -> None:
    done = ecom(broken, *arguments)

    assert done.returncode == status
    assert done.stderr.startswith(
        "ecom: params.yaml has\n  - tune.n_iter: 'many' is not allowed; input should be a valid int"
    )
    assert not (broken / ".dvc").exists()
