"""A state reads its files, and tells which of its results do not belong to them."""

from pathlib import Path

import pytest

from ecom.errors import ProjectError
from ecom.project.files import PREDICTIONS
from ecom.project.states import folder_state, open_state
from project import ROOT
from recorded import CODE, sessions_and_scores, state

SESSIONS, SCORES = sessions_and_scores(200)


@pytest.mark.parametrize("broken", [CODE, "requirements.txt", PREDICTIONS, "params.yaml"])
def test_results_that_do_not_belong_to_the_files_beside_them_are_stale(broken: str) -> None:
    locked = state("main", SESSIONS, SCORES)
    content = {
        "params.yaml": locked.read("params.yaml").decode().replace('"bins": 10', '"bins": 12'),
        PREDICTIONS: "",
    }.get(broken, "changed==1\n")
    files = {"dvc.lock": locked.read("dvc.lock").decode(), broken: content}
    changed = state("main", SESSIONS, SCORES, files=files)

    assert locked.stale() == []
    assert changed.stale() == ["evaluate"]
    with pytest.raises(ProjectError, match="the results of evaluate do not belong to the code"):
        changed.require_fresh()


def test_metrics_are_read_by_stage(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "clean.json").write_text('{"rows_in": 3}')
    found = folder_state(tmp_path).metrics

    assert found["clean"]["rows_in"] == 3
    with pytest.raises(ProjectError, match=r"metrics/clean\.json of workspace has no 'rows_out'"):
        found["clean"]["rows_out"]
    with pytest.raises(ProjectError, match=r"workspace has no metrics/tune\.json: run `dvc repro`"):
        found["tune"]


def test_a_name_that_is_no_state_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="'nowhere' is not a state of the project"):
        open_state(ROOT, "nowhere")
    with pytest.raises(ProjectError, match="this folder has no git history"):
        open_state(tmp_path, "nowhere")


def test_a_folder_with_a_checkout_is_a_state(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "dvc.yaml").write_text("stages: {}")

    assert str(open_state(tmp_path, "other")) == "other"


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("dvc.yaml", "a: 1", "dvc.yaml of main names no stages"),
        ("dvc.yaml", "a: [", "dvc.yaml of main is not valid YAML"),
        ("params.yaml", "[]", "params.yaml of main holds"),
        ("dvc.lock", "a: 1", "dvc.lock of main is damaged .*: `make run` repairs it"),
    ],
)
def test_a_damaged_file_is_told_by_its_name(path: str, content: str, said: str) -> None:
    damaged = state("main", SESSIONS, SCORES)
    damaged._files.pipe_file(path, content.encode())

    with pytest.raises(ProjectError, match=said):
        damaged.stale()
