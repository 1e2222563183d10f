"""Workflows: actions pinned by commit, no more rights than needed, the commands of the Makefile."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ecom.review.wording import MARKER, PICTURE
from gitlab import notes_server
from project import ROOT

REVIEW = f"{MARKER}\n\n{PICTURE}(curves.png)\n\n".encode()
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def workflow(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def steps_of(path: Path) -> list[Any]:
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_their_version_beside(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))

    assert used
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_code_of_a_pull_request_runs_with_the_right_to_read_alone(path: Path) -> None:
    content = workflow(path)
    triggers = content["on"]

    assert content["permissions"] in ({}, {"contents": "read"})
    if triggers == {"push": {"tags": ["v*"]}}:  # by those who may release
        for job in content["jobs"].values():
            assert "environment" in job or "secrets." not in str(job)
    elif set(triggers) <= {"schedule", "workflow_dispatch"}:  # of the default branch alone
        assert "secrets." not in path.read_text(encoding="utf-8")
    elif "workflow_run" not in triggers:
        assert set(triggers) <= {"pull_request", "push", "schedule", "workflow_dispatch"}
        assert all("permissions" not in job for job in content["jobs"].values())
        assert "secrets." not in path.read_text(encoding="utf-8")
    else:  # it may write, so it checks out nothing but the default branch
        assert set(triggers) == {"workflow_run"}
        assert all("ref" not in step.get("with", {}) for step in steps_of(path))
    for step in steps_of(path):
        if "checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_each_job_of_a_release_may_do_what_it_is_for_and_no_more() -> None:
    jobs = workflow(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    writes = {
        name: {right for right, level in job["permissions"].items() if level == "write"}
        for name, job in jobs.items()
    }

    assert writes == {
        "tests": set(),
        "package": set(),
        "images": {"packages", "id-token", "attestations"},
        "staging": {"contents"},
        "production": {"contents"},
    }
    before = {name: job.get("needs", []) for name, job in jobs.items()}
    assert before == {
        "tests": [],
        "package": "tests",
        "images": "package",
        "staging": "images",
        "production": ["images", "staging"],
    }


def test_no_text_from_outside_is_pasted_into_a_script() -> None:
    for path in WORKFLOWS:
        for step in steps_of(path):
            assert "${{" not in step.get("run", "")


def test_the_review_sees_the_whole_history() -> None:
    checkout = workflow(ROOT / ".github" / "workflows" / "checks.yml")["jobs"]["review"]["steps"][0]

    assert checkout["with"]["fetch-depth"] == 0
    gitlab = YAML(typ="safe").load(ROOT / ".gitlab-ci.yml")
    assert gitlab["model review"]["variables"]["GIT_DEPTH"] == "0"


def test_they_run_what_a_person_runs() -> None:
    texts = [path.read_text("utf-8") for path in (*WORKFLOWS, ROOT / ".gitlab-ci.yml")]
    used = {target for text in texts for target in re.findall(r"make ([a-z]+)", text)}

    assert {"run", "audit"} <= used
    assert used <= TARGETS


@pytest.mark.parametrize("path", [".github/workflows/checks.yml", ".gitlab-ci.yml"])
def test_the_review_keeps_its_exit_status(path: str) -> None:
    """As `make review` does it, but for make, which would turn worse and undecidable into 2."""
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\nreview: ")[2].splitlines()[1:3]

    assert [line.strip(" \t@") for line in recipe] == [
        "dvc repro",
        'python -m ecom review $${BASE:+"$$BASE"}',
    ]
    text = (ROOT / path).read_text("utf-8")
    assert 'dvc repro && python -m ecom review "$BASE"\n' in text
    assert "make review" not in text


PNG = b"\x89PNG\r\n\x1a\n picture"


@dataclass(frozen=True)
class GitHub:
    """A pull request, and the script that comments on it."""

    folder: Path

    def artifact(self, name: str, content: bytes) -> None:
        (self.folder / "artifact" / name).write_bytes(content)

    def comment(self, head: str = "a" * 40) -> "subprocess.CompletedProcess[str]":
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])
        variables = {
            "PATH": path,
            "GITHUB_FOLDER": str(self.folder),
            "GH_TOKEN": "t",
            "REPOSITORY": "shop/model",
            "RUN": "1",
            "HEAD_SHA": head,
        }
        return subprocess.run(
            [str(ROOT / ".github" / "comment")],
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def state(self) -> Any:
        return json.loads((self.folder / "state.json").read_text(encoding="utf-8"))


@pytest.fixture
def github(tmp_path: Path) -> GitHub:
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    for name in ("bin", "artifact"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "tests" / "support" / "github_cli.py", tmp_path / "bin" / "gh")
    comments = [{"id": 1, "body": "looks good"}]
    state = {"head": "a" * 40, "comments": comments, "pictures": {}}
    (tmp_path / "state.json").write_text(json.dumps(state), encoding="utf-8")
    github = GitHub(tmp_path)
    github.artifact("number", b"12\n")
    github.artifact("curves.png", PNG)
    github.artifact("review.md", REVIEW + b"first\n")
    return github


def test_a_pull_request_has_one_comment_with_a_picture_that_is_updated(github: GitHub) -> None:
    for text in (b"first", b"second"):
        github.artifact("review.md", REVIEW + text)
        done = github.comment()
        assert done.returncode == 0, done.stderr

    place = f"12/{'a' * 40}.png"
    picture = f"https://github.com/shop/model/raw/review-pictures/{place}"
    assert [comment["body"] for comment in github.state["comments"]] == [
        "looks good",
        f"{MARKER}\n\n\n{PICTURE}({picture})\n\nsecond\n<sub>For commit aaaaaaa.</sub>\n",
    ]
    assert github.state["pictures"] == {place: PNG.decode("latin-1")}


def test_without_a_picture_the_comment_has_none(github: GitHub) -> None:
    github.artifact("curves.png", b"<svg onload=alert(1)>")

    assert github.comment().returncode == 0

    assert "![" not in github.state["comments"][1]["body"]
    assert github.state["pictures"] == {}


@pytest.mark.parametrize("number", [b"12; rm -rf .", b"../../users", b"", b"-1", b"12 13"])
def test_what_is_not_the_number_of_a_pull_request_is_refused(github: GitHub, number: bytes) -> None:
    github.artifact("number", number)

    assert github.comment().returncode == 1
    assert len(github.state["comments"]) == 1


def test_a_review_of_another_commit_than_the_head_is_not_written(github: GitHub) -> None:
    assert github.comment(head="b" * 40).returncode == 0
    assert len(github.state["comments"]) == 1


def test_if_the_pipeline_wrote_no_review_the_comment_says_so(github: GitHub) -> None:
    (github.folder / "artifact" / "review.md").unlink()

    assert github.comment().returncode == 0
    assert "The pipeline did not finish" in github.state["comments"][1]["body"]


def test_untrusted_text_mentions_nobody_and_gets_the_marker(github: GitHub) -> None:
    for _ in range(2):
        github.artifact("review.md", b"no mark\n@everyone look, me@example.org\n")
        assert github.comment().returncode == 0

    assert len(github.state["comments"]) == 2
    body = github.state["comments"][1]["body"]
    assert body.startswith(MARKER)
    assert re.findall(r"@(.)", body) == ["\u200b", "\u200b"]


def comment_on_gitlab(review: Path, address: str) -> None:
    variables = {
        "CI_API_V4_URL": address,
        "CI_PROJECT_ID": "group/shop",
        "CI_MERGE_REQUEST_IID": "7",
        "REVIEW_TOKEN": "t",
    }
    script = str(ROOT / ".gitlab" / "comment.py")
    subprocess.run([sys.executable, script, str(review)], check=True, env=os.environ | variables)


def test_a_merge_request_has_one_comment_without_a_picture_that_is_updated(tmp_path: Path) -> None:
    review = tmp_path / "review.md"
    with notes_server([{"id": 1, "body": "something else"}]) as (address, notes):
        for text in (b"first", b"second"):
            review.write_bytes(REVIEW + text)
            comment_on_gitlab(review, address)

    assert [note["body"] for note in notes] == ["something else", f"{MARKER}\n\n\nsecond"]


def test_if_the_pipeline_wrote_no_review_the_merge_request_says_so(tmp_path: Path) -> None:
    with notes_server([]) as (address, notes):
        comment_on_gitlab(tmp_path / "review.md", address)

    assert notes[0]["body"].startswith(f"{MARKER}\n\n## ⚠️ No comparison")
    assert "The pipeline did not finish" in notes[0]["body"]
