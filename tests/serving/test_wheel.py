"""A wheel of the package scores where nothing but numpy and ONNX Runtime is installed."""

import hashlib
import json
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from ecom.errors import PackageError
from ecom.serving.wheel import write_wheel
from environment import required

SCORE = """
import json, sys
import purchase_model

golden = json.load(open(sys.argv[1]))
sessions = {name: [case["session"][name] for case in golden] for name in golden[0]["session"]}
found = purchase_model.predict(sessions)
explained = purchase_model.explain(sessions)
print(json.dumps({
    "probability": found.probability.tolist(),
    "flagged": found.flagged.tolist(),
    "log_odds": (explained.contributions.sum(axis=1) + explained.base).tolist(),
    "modules": sorted({name.split(".")[0] for name in sys.modules}),
}))
"""


def bare_python(folder: Path, wheel: Path) -> Path:
    """Return the Python of a new environment with the wheel, and what it says that it requires.

    What it requires is linked from this environment, so that no index is asked.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    install = ("--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True)
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    for name in required(Requirement("numpy")) | required(Requirement("onnxruntime")):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
            if not (packages / top).exists():
                (packages / top).symlink_to(Path(str(found.locate_file(top))))
    return python


@pytest.mark.slow
def test_it_scores_in_an_environment_of_its_own(folder: Path, tmp_path: Path) -> None:
    golden: Any = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    wheel = write_wheel(folder, tmp_path / "dist")
    python = bare_python(tmp_path / "environment", wheel)

    done = subprocess.run(
        [str(python), "-c", SCORE, str(folder / "golden.json")],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )

    found = json.loads(done.stdout)
    assert found["probability"] == [case["probability"] for case in golden]
    assert found["flagged"] == [case["flagged"] for case in golden]
    assert found["log_odds"] == pytest.approx([case["log_odds"] for case in golden], abs=1e-8)
    assert not {"ecom", "pydantic", "sklearn", "pandas"} & set(found["modules"])


@pytest.mark.slow
def test_the_same_package_gives_the_same_wheel(folder: Path, tmp_path: Path) -> None:
    wheels = [write_wheel(folder, tmp_path / name) for name in ("one", "other")]

    assert wheels[0].name == wheels[1].name
    assert len({hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}) == 1


def test_a_package_that_was_changed_becomes_no_wheel(folder: Path, tmp_path: Path) -> None:
    (folder / "explain.onnx").write_bytes(b"")

    with pytest.raises(PackageError, match=r"explain\.onnx has 0 bytes"):
        write_wheel(folder, tmp_path / "dist")

    assert not (tmp_path / "dist").exists()
