"""Branches under review: a real merge base, a worse branch, a better one, a harmless one."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecom.review.outcome import UNDECIDABLE
from project import Project

# The environment of these tests serves, instead of one that make would set up.
MAKE = ("make", "--silent", f"VENV={sys.prefix}", f"--assume-old={sys.prefix}/run.ready")

MADE_AGAIN = "its code makes them again, in a temporary folder   evaluate"


@pytest.fixture
def copy(synthetic: Project, tmp_path: Path) -> Project:
    root = tmp_path / "copy"
    ignored = shutil.ignore_patterns("mlflow.db*", "mlartifacts", "tmp")
    shutil.copytree(synthetic.root, root, symlinks=True, ignore=ignored)
    return Project(root)


def forget(project: Project, path: str) -> None:
    """Delete an output of the workspace from the cache."""
    md5 = hashlib.md5((project.root / path).read_bytes(), usedforsecurity=False).hexdigest()
    (project.root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:]).unlink()


def comment(project: Project) -> str:
    return (project.root / "reports" / "review" / "review.md").read_text(encoding="utf-8")


def exit_status(project: Project) -> int:
    path = project.root / "reports" / "review" / "review.json"
    return int(json.loads(path.read_text(encoding="utf-8"))["exit_status"])


def test_branches_get_the_verdict_that_they_deserve(copy: Project) -> None:
    copy.run("git", "checkout", "--quiet", "-b", "quota")
    copy.set_params({"threshold.strategy": "quota", "threshold.quota": 0.01})
    copy.run("git", "commit", "--quiet", "--all", "--message", "other params without their results")

    done = copy.run(*MAKE, "review", "BASE=main", check=False)

    assert done.returncode != 0
    assert exit_status(copy) == UNDECIDABLE
    assert "the results of dvc.lock as it is committed do not belong to" in comment(copy)
    copy.commit()
    worse = copy.run(*MAKE, "review", "BASE=main", check=False)
    assert worse.returncode != 0
    assert exit_status(copy) == 1
    assert "🔴 Worse: cost of errors, € per 1,000 sessions +" in comment(copy)
    assert (
        "- params: `threshold.strategy` break_even → quota, `threshold.quota` 0.2 → 0.01"
        in comment(copy)
    )
    assert (copy.root / "reports" / "review" / "curves.png").read_bytes()[1:4] == b"PNG"
    assert copy.changed() == ""

    copy.run("git", "checkout", "--quiet", "-b", "back")
    copy.run("git", "revert", "--no-edit", "main..HEAD")
    copy.run("dvc", "checkout", "--quiet", "--force")
    copy.run(*MAKE, "review", "BASE=quota")
    assert exit_status(copy) == 0
    assert "🟢 Better: cost of errors, € per 1,000 sessions -" in comment(copy)

    # The target moves on, and the branch does not: the merge base is what counts.
    copy.run("git", "checkout", "--quiet", "main")
    (copy.root / "README.md").write_text("Another page.\n", encoding="utf-8")
    copy.commit()
    copy.run("git", "checkout", "--quiet", "-b", "tidy", "main~1")
    code = copy.root / "src" / "ecom" / "reporting" / "card.py"
    code.write_text(code.read_text(encoding="utf-8") + "\n# tidied\n", encoding="utf-8")
    copy.run("dvc", "repro")
    copy.commit()
    copy.run(*MAKE, "review", "BASE=main")
    assert exit_status(copy) == 0
    assert "⚪ No worse: every session gets the same score" in comment(copy)
    assert "- code: `src/ecom/reporting/card.py`" in comment(copy)
    assert "README" not in comment(copy)


def unwrapped(said: str) -> str:
    """Return messages without the ends of their lines, which depend on the lengths of names."""
    return said.replace("\necom: ", " ")


@pytest.mark.prove
def test_results_that_are_nowhere_come_from_the_workspace_or_are_made_again(copy: Project) -> None:
    def ecom(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return copy.run("python", "-m", "ecom", *arguments, check=False)

    forget(copy, "data/predictions/test.parquet")
    same = ecom("compare", "--gate")
    assert "those of the workspace are used" in unwrapped(same.stdout)
    assert "No worse: every session gets the same score" in same.stdout
    assert same.returncode == 0

    copy.set_params({"threshold.strategy": "quota", "threshold.quota": 0.01})
    copy.run("dvc", "repro")
    for command in (("compare", "--gate"), ("review", "main")):
        forget(copy, "data/predictions/test.parquet")  # evaluate gave the same scores again
        worse = ecom(*command)
        assert MADE_AGAIN in unwrapped(worse.stdout)
        assert "Running stage" not in worse.stdout
        assert "Worse: cost of errors" in worse.stdout
        assert worse.returncode == 1
    assert copy.run("git", "worktree", "list").stdout.count("\n") == 1

    # As the how-to says: the trial is dropped, and what the cache lacks is made.
    copy.run("bash", "-c", "git restore . && dvc repro")
    assert copy.changed() == ""
    assert all((copy.root / path).exists() for path in copy.outs())


def test_a_target_that_is_not_there_is_told(synthetic: Project) -> None:
    done = synthetic.run("python", "-m", "ecom", "review", "nowhere", check=False)

    assert done.returncode == UNDECIDABLE
    assert "ecom: 'nowhere' and this branch have no common commit" in done.stdout


@pytest.mark.parametrize(
    ("states", "told"),
    [
        (("nowhere", "HEAD"), "'nowhere' is not a state of the project"),
        (("HEAD~1", "HEAD"), "HEAD~1 ("),
    ],
)
def test_states_that_cannot_be_read_are_told(
    synthetic: Project, states: tuple[str, str], told: str
) -> None:
    done = synthetic.run("python", "-m", "ecom", "compare", *states, check=False)

    assert done.returncode == 1
    assert told in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.prove
def test_experiment_commit_folder_and_workspace_are_compared(unchanged: Project) -> None:
    unchanged.run(
        "dvc",
        "exp",
        "run",
        "--temp",
        "--quiet",
        "--name",
        "dear",
        "-S",
        "threshold.costs.false_negative=9",
    )
    unchanged.set_params({"evaluate.mistakes": 5})

    def compare(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        return unchanged.run("python", "-m", "ecom", "compare", *arguments, check=check)

    dear = json.loads(compare("HEAD", "dear", "--format", "json").stdout)
    assert dear["changes"]["params"] == {"threshold.costs.false_negative": [5.0, 9]}
    assert set(dear["left_out"]) == {"cost_per_1000_sessions"}
    stale = compare("--gate", check=False)
    assert stale.returncode == UNDECIDABLE
    assert "Stale: the results of workspace do not belong" in stale.stdout
    assert compare("HEAD", ".", "--gate", check=False).returncode == UNDECIDABLE
    assert "No worse" in compare("HEAD", "main", "--format", "markdown", "--gate").stdout
