"""A command that a message advises is one that helps: it is run where the message comes."""

import ast
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from project import ROOT, Project, metrics_of

# Commands in messages, f-strings as they stand in the code, and where each is run in its situation.
ADVISED = {
    "dvc repro {self.name}": "test_advice.py",
    "dvc repro baseline": "test_advice.py",
    "dvc repro package": "test_package.py",
    "dvc repro feature_sets": "test_advice.py",
    "dvc repro threshold": "test_advice.py",
    "dvc repro tune": "test_advice.py",
    "dvc repro validate": "test_advice.py",
    "dvc repro": "test_advice.py",
    "python -m ecom track": "test_advice.py",
    "git fetch --unshallow": "test_advice.py",
    "make review BASE=BRANCH": "test_advice.py",
    "make run": "test_broken_off.py",
    "make deps": "test_docs.py",
    "make docs": "test_docs.py",  # in the page of the plots, as is the next
    "dvc plots show": "test_docs.py",
    "dvc repro --force fetch": "test_docs.py",
    """dvc exp run -S 'data.sources=["PATH"]' -S data.sha256=null""": "test_docs.py",
    "cd {SYNTHETIC} && python -m ecom {context.invoked_subcommand}": "test_run.py",
    "git init && git add . && git commit -m start": "test_places.py",
    "git config --global --add safe.directory {shlex.quote(str(root))}": "test_places.py",
    "python -m ecom worker ADDRESS": "../support/clusters.py",
    "python -m ecom worker {address}": "../support/clusters.py",
    "git lfs pull": "none: it needs a server of Git LFS",
}
CLEAN = "data/processed/online_shoppers_clean.csv"
_COMMAND = re.compile(r"`((?:dvc|git|make|python|cd) [^`]+)`")


def messages(path: Path) -> list[str]:
    """Return the texts of a module that are no docstrings; an f-string as it stands in the code."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    texts = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            texts.append(
                "".join(
                    str(part.value)
                    if isinstance(part, ast.Constant)
                    else f"{{{ast.unparse(getattr(part, 'value', part))}}}"
                    for part in node.values
                )
            )
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings | inside
        ):
            texts.append(node.value)
    return texts


def test_every_command_in_a_message_is_run_somewhere() -> None:
    paths = [*(ROOT / "src").rglob("*.py"), *(ROOT / "stages").glob("*.py")]

    advised = {
        command for path in paths for text in messages(path) for command in _COMMAND.findall(text)
    }

    assert advised == set(ADVISED)
    for place in ADVISED.values():
        assert place.startswith("none: ") or (Path(__file__).parent / place).is_file()


def advice_in(text: str) -> str:
    found = _COMMAND.search(text)
    assert found, text
    return found[1]


def damage(project: Project, path: str) -> None:
    (project.root / path).write_bytes(b"damaged")


def edit(project: Project, path: str, **changes: object) -> None:
    file = project.root / path
    file.write_text(json.dumps(metrics_of(project.root, file.stem) | changes))


@pytest.fixture
def copy(unchanged: Project, tmp_path: Path) -> Project:
    """Return a copy of the synthetic project without its record."""
    ignored = shutil.ignore_patterns("mlflow.db*", "mlartifacts", "exps")
    shutil.copytree(unchanged.root, tmp_path / "project", symlinks=True, ignore=ignored)
    return Project(tmp_path / "project")


@pytest.mark.parametrize(
    ("stage", "spoil", "advice"),
    [
        ("features", lambda p: (p.root / CLEAN).unlink(), "dvc repro features"),
        ("baseline", lambda p: damage(p, "data/features/train.parquet"), "dvc repro baseline"),
        ("cv", lambda p: edit(p, "metrics/baseline.json", folds={}), "dvc repro baseline"),
        ("clean", lambda p: edit(p, "metrics/validate.json", sha256="0"), "dvc repro validate"),
        (
            "refit",
            lambda p: edit(p, "metrics/tune.json", feature_set="at_arrival"),
            "dvc repro tune",
        ),
        (
            "refit",
            lambda p: edit(p, "metrics/feature_sets.json", sets={"end_of_session": {}}),
            "dvc repro feature_sets",
        ),
        pytest.param(
            "evaluate",
            lambda p: p.set_params({"features.set": "at_arrival"}),
            "dvc repro threshold",
            marks=pytest.mark.prove,
        ),
    ],
)
def test_a_stage_names_the_command_that_brings_what_it_lacks(
    unchanged: Project, stage: str, spoil: Callable[[Project], None], advice: str
) -> None:
    spoil(unchanged)
    refused = unchanged.run("python", f"stages/{stage}.py", check=False)
    assert refused.returncode == 1
    assert advice_in(refused.stdout) == advice

    unchanged.run("bash", "-c", advice)

    unchanged.run("python", f"stages/{stage}.py")


def test_a_command_on_results_names_the_command_that_makes_them(unchanged: Project) -> None:
    for path in ("metrics/evaluate.json", "data/predictions/test.parquet"):
        (unchanged.root / path).unlink()
        refused = unchanged.run("python", "-m", "ecom", "compare", check=False)
        assert advice_in(refused.stdout) == "dvc repro"
        unchanged.run("dvc", "repro")
        unchanged.run("python", "-m", "ecom", "compare")


def test_a_record_that_failed_is_caught_up_with_by_the_command_that_is_named(copy: Project) -> None:
    dead = ("env", "MLFLOW_TRACKING_URI=http://127.0.0.1:9")  # the port of the discard service

    failed = copy.run(*dead, "python", "stages/track.py").stdout
    assert advice_in(failed) == "python -m ecom track"
    copy.run("bash", "-c", advice_in(failed))

    assert "the first champion" in copy.run("python", "-m", "ecom", "promote").stdout


def test_a_shallow_clone_is_told_how_to_get_the_history(copy: Project, tmp_path: Path) -> None:
    for branch in ("main", "feature"):
        copy.run(
            "git", "checkout", "--quiet", "-B", branch, "HEAD" if branch == "main" else "main~1"
        )
        (copy.root / f"{branch}.txt").touch()
        copy.commit()
    shallow = Project(tmp_path / "shallow")
    copy.run(
        *("git", "clone", "--quiet", "--depth", "1", "--no-single-branch"),
        *(f"file://{copy.root}", str(shallow.root)),
    )
    shallow.run("dvc", "cache", "dir", "--local", str(copy.root / ".dvc" / "cache"))
    shallow.run("dvc", "checkout")
    refused = shallow.run("python", "-m", "ecom", "review", "origin/main", check=False)
    assert refused.returncode == 3
    assert advice_in(refused.stdout) == "git fetch --unshallow"

    shallow.run("bash", "-c", advice_in(refused.stdout))

    assert "No worse" in shallow.run("python", "-m", "ecom", "review", "origin/main").stdout


def test_without_a_usual_branch_the_review_says_how_to_name_one(copy: Project) -> None:
    copy.run("git", "branch", "--move", "main", "develop")

    refused = copy.run("python", "-m", "ecom", "review", check=False)

    assert refused.returncode == 3
    assert advice_in(refused.stdout) == "make review BASE=BRANCH"
    assert "No worse" in copy.run("python", "-m", "ecom", "review", "develop").stdout
