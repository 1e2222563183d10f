"""Workflows: actions pinned by commit, no more rights than needed, the commands of the Makefile."""

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
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
    of = workflow(path)
    triggers = of["on"]

    assert of["permissions"] in ({}, {"contents": "read"})
    if "pull_request" in triggers:
        assert all("permissions" not in job for job in of["jobs"].values())
        assert "secrets." not in path.read_text(encoding="utf-8")
    else:  # it may write, so it checks out nothing but the default branch
        assert set(triggers) == {"workflow_run"}
        assert all("ref" not in step.get("with", {}) for step in steps_of(path))
    for step in steps_of(path):
        if "checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


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

    assert "review" in used
    assert used <= TARGETS
