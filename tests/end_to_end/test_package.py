"""The package as others use it: a wheel by one command, and the same graph from another language."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecom.schema import FEATURES
from ecom.serving.package import open_package
from project import Project

# What onnxruntime-node answers to the golden sessions, and by how much it differs from them.
SCORE = """
const ort = require("onnxruntime-node"), fs = require("fs");
(async () => {
  const folder = process.argv[2];
  const read = (name) => JSON.parse(fs.readFileSync(`${folder}/${name}`));
  const golden = read("golden.json"), manifest = read("manifest.json"), feeds = {};
  for (const column of manifest.columns) {
    const values = golden.map((one) => one.session[column.name]);
    feeds[column.name] = column.type === "category"
      ? new ort.Tensor("string", values, [values.length])
      : new ort.Tensor("float64", Float64Array.from(values.map(Number)), [values.length]);
  }
  const session = await ort.InferenceSession.create(`${folder}/model.onnx`);
  const { probability } = await session.run(feeds);
  console.log(JSON.stringify(Array.from(probability.data)));
})();
"""


def test_what_was_judged_is_what_the_package_answers(synthetic: Project) -> None:
    scorer = open_package(synthetic.root / "models" / "package").scorer
    sessions = pd.read_parquet(synthetic.root / "data" / "features" / "test.parquet")
    judged = pd.read_parquet(synthetic.root / "data" / "predictions" / "test.parquet")

    found = scorer.answer({name: sessions[name].to_numpy() for name in FEATURES})

    np.testing.assert_allclose(found.probability, judged["best_model"], rtol=0, atol=1e-12)


def test_a_command_writes_the_wheel(unchanged: Project) -> None:
    done = unchanged.run("python", "-m", "ecom", "package")

    wheel = Path(done.stdout.strip())
    assert (unchanged.root / wheel).is_file()
    assert wheel.parent == Path("dist")
    assert unchanged.changed() == ""


def test_a_package_that_was_tampered_with_is_named(unchanged: Project) -> None:
    model = unchanged.root / "models" / "package" / "model.onnx"
    content = model.read_bytes()
    model.unlink()  # DVC may have linked it from its cache
    model.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    done = unchanged.run("python", "-m", "ecom", "package", check=False)

    assert done.returncode == 1
    assert "ecom: model.onnx was changed: its SHA-256 is not" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_package_that_is_missing_is_made_by_the_command_that_is_named(
    unchanged: Project,
) -> None:
    shutil.rmtree(unchanged.root / "models" / "package")

    refused = unchanged.run("python", "-m", "ecom", "package", check=False)

    assert refused.returncode == 1
    assert "`dvc repro package`" in refused.stdout
    unchanged.run("git", "restore", "models")
    unchanged.run("dvc", "repro", "package")
    unchanged.run("python", "-m", "ecom", "package")


@pytest.mark.prove
def test_another_language_gets_the_same_answers(synthetic: Project, tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed (Debian: apt-get install npm)")
    package = synthetic.root / "models" / "package"
    install = ("npm", "install", "--silent", "--ignore-scripts", "onnxruntime-node")
    subprocess.run(install, cwd=tmp_path, check=True)
    (tmp_path / "score.js").write_text(SCORE)

    done = subprocess.run(
        ["node", "score.js", str(package)],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    golden = json.loads((package / "golden.json").read_text(encoding="utf-8"))
    expected = [case["probability"] for case in golden]
    assert json.loads(done.stdout) == pytest.approx(expected, rel=0, abs=1e-8)
