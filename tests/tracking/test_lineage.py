"""Anything that names a state leads to it, told stage by stage."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from ecom.errors import ProjectError
from ecom.project.states import State
from ecom.tracking import lineage
from ecom.tracking.lineage import HERE, stage_by_stage, to_text, trace


@pytest.fixture
def repository(finished: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository that has committed the results, and has no record."""
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "state"]):
        subprocess.run(["git", *who, *command], cwd=tmp_path, check=True)
    assert finished.lock
    return tmp_path


def test_a_file_a_hash_a_commit_and_the_lock_lead_to_the_state(
    repository: Path, finished: State
) -> None:
    model = finished.lock.outs["models/best_model.joblib"]

    for what in (model, model[:10], "HEAD", "dvc.lock", finished.lock.key):
        found = trace(repository, what)
        assert [line.lock.key for line in found.lineages] == [finished.lock.key]
        assert found.unreachable is not None
        text = to_text(repository, found)
        assert "is part of 1 state(s) of the pipeline\nfrom git alone: nothing is recorded" in text
        assert "on the test rows: PR-AUC 0." in text
        assert f"models/best_model.joblib, MD5 {model}" in text
        assert "stage by stage" not in text
        assert len(text.splitlines()) < 15
        assert f"made models/best_model.joblib {model}" in to_text(repository, found, whole=True)


def test_the_folder_comes_last_and_other_states_are_counted(
    repository: Path, finished: State
) -> None:
    lock = repository / "dvc.lock"
    lock.write_text(lock.read_text().replace("n_iter: 15", "n_iter: 16"))

    found = trace(repository, finished.lock.outs["models/best_model.joblib"])

    assert [lineage.commits[-1] == HERE for lineage in found.lineages] == [False, True]
    text = to_text(repository, found)
    assert "  this folder" in text
    assert "With --all: 1 other state(s)" in text
    assert to_text(repository, found, whole=True).count("\nstate ") == 2


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("nonsense", "is neither a file of the project"),
        ("abcdef0123", "no state that git or MLflow knows contains"),
    ],
)
def test_what_is_not_known_is_told(repository: Path, what: str, said: str) -> None:
    with pytest.raises(ProjectError, match=said):
        trace(repository, what)


def test_an_output_that_is_missing_is_told_with_what_makes_it(repository: Path) -> None:
    (repository / "dvc.yaml").write_text("stages: {tune: {cmd: x, outs: [models/x.joblib]}}")

    with pytest.raises(ProjectError, match=r"models/x\.joblib is missing: `dvc repro` makes it"):
        trace(repository, "models/x.joblib")


def test_stages_are_told_with_params_inputs_and_outputs(finished: State) -> None:
    lines = list(stage_by_stage(finished.lock))

    tune = lines[lines.index("tune") : lines.index("cross_fit")]
    assert "  by tune.n_iter = 15" in tune
    assert any(line.startswith("  from metrics/cv.json ") for line in tune)
    assert any(line.startswith("  made models/best_model.joblib ") for line in tune)
    assert any(line.endswith("files of code and requirements, as in the commit") for line in tune)
    assert "track" not in lines


def test_a_commit_counts_only_if_it_holds_the_state() -> None:
    tags = {"ecom.state": "s", "ecom.commit": "c", "ecom.dirty": "true", "mlflow.user": "me"}
    run = SimpleNamespace(data=SimpleNamespace(tags=tags))

    assert lineage._tags(run) == {"state": "s", "dirty": "true"}
