"""The Makefile makes an environment anew in a folder that it was not made in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from project import ROOT


@pytest.mark.parametrize(("made_in", "kept"), [("here", True), ("elsewhere", False)])
def test_an_environment_that_was_copied_or_moved_is_made_anew(
    tmp_path: Path, made_in: str, *, kept: bool
) -> None:
    folder = tmp_path / 'it\'s (a) "shop", 100%'
    (folder / ".venv").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    place = folder.resolve() if made_in == "here" else tmp_path
    (folder / ".venv" / "run.ready").write_text(f"{place}\n", encoding="utf-8")

    subprocess.run(["make", "help"], cwd=folder, check=True, capture_output=True)

    assert (folder / ".venv").exists() == kept


def test_an_environment_elsewhere_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "run.ready").write_text("/elsewhere\n", encoding="utf-8")

    subprocess.run(["make", "help", f"VENV={other}"], cwd=ROOT, check=True, capture_output=True)

    assert other.exists()


def test_the_tool_that_installs_is_pinned_by_its_hashes() -> None:
    recipe = re.search(
        r"sed -n '(.*)' requirements-dev.txt", (ROOT / "Makefile").read_text("utf-8")
    )
    assert recipe

    script = recipe[1].replace("$$", "$")
    picked = subprocess.run(
        ["sed", "-n", script, "requirements-dev.txt"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert re.fullmatch(r"uv==[\d.]+ \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+", picked)
