"""Each month: the pipeline with new sessions, beside the project, and a branch to look at."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from ecom.data.synthetic import generate_sessions
from ecom.schema import MONTHS
from project import ROOT, Project, metrics_of

pytestmark = pytest.mark.prove


def script(copy: Project, folder: Path, new: str) -> "object":
    """Run what the workflow runs; make sets up nothing, gh notes what it is asked, git is real."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name, text in {
        "make": "exit 0",
        "gh": f'printf "%s\\n" "$@" > {folder}/asked',
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = {"GH_TOKEN": "t", "REPOSITORY": "shop/model", "NEW_SESSIONS": new}
    return copy.run(
        *("bash", ".github/retrain"),
        check=False,
        **variables,
        PATH=path,
        PYTHONPATH=str(copy.root / "src"),
    )


def test_new_sessions_come_as_a_branch_with_their_review(
    synthetic: Project, tmp_path: Path
) -> None:
    root = tmp_path / "copy"
    ignored = shutil.ignore_patterns("mlflow.db*", "mlartifacts", "tmp")
    shutil.copytree(synthetic.root, root, symlinks=True, ignore=ignored)
    copy = Project(root)
    sessions = generate_sessions(6000, seed=3)
    late = sessions["Month"] == MONTHS[-1]
    sessions[~late].to_csv(root / "early.csv", index=False)
    sessions[late].to_csv(root / "december.csv", index=False)
    copy.set_params(
        {
            "data.source": "real",
            "data.sources": ["early.csv"],
            "data.sha256": None,
            "validate.max_rows": 10_000,
        }
    )
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "activate").write_text("", encoding="utf-8")
    ignored_files = (root / ".gitignore").read_text(encoding="utf-8")
    (root / ".gitignore").write_text(f"{ignored_files}/*.csv\n/.venv/\n", encoding="utf-8")
    copy.run("dvc", "repro")
    copy.commit()
    head = copy.run("git", "rev-parse", "HEAD").stdout

    before = (root / "params.yaml").read_bytes()
    looked = copy.run("python", "-m", "ecom", "retrain", "--with", "december.csv", check=False)

    assert looked.returncode in (0, 3), looked.stdout
    assert copy.changed() == ""
    assert (root / "params.yaml").read_bytes() == before
    review = (root / "reports" / "retrain" / "review.md").read_text(encoding="utf-8")
    assert "# The newest sessions" in review
    found = json.loads((root / "reports" / "retrain" / "review.json").read_text(encoding="utf-8"))
    assert found["judgement"]["trained_on"] > found["judgement"]["sessions"] > 0

    bare = tmp_path / "shop" / "model"
    copy.run("git", "init", "--quiet", "--bare", str(bare))
    copy.run("git", "config", f"url.{tmp_path}/.insteadOf", "https://github.com/")
    done = script(copy, tmp_path, "december.csv")

    assert done.returncode == 0, done.stdout  # type: ignore[attr-defined]
    (branch,) = copy.run(
        "git", "-C", str(bare), "branch", "--format=%(refname:short)"
    ).stdout.split()
    assert branch.startswith("retrain-")
    changed = copy.run("git", "diff", "--name-only", head.strip(), branch).stdout.split()
    assert {"params.yaml", "dvc.lock"} <= set(changed)
    assert copy.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
    asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
    assert asked[:2] == ["pr", "create"]
    assert "reports/retrain/review.md" in asked
    months = metrics_of(root, "evaluate")["over_time"]["months"]
    assert months[-1]["month"] == "december"
    assert (ROOT / ".github" / "retrain").stat().st_mode & 0o111
