"""Results that are not in the cache are taken from the workspace if they are of the same code."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecom.errors import ProjectError
from ecom.project.files import PREDICTIONS
from ecom.project.states import State
from ecom.review.obtaining import has_results, obtained
from recorded import SCORES, SESSIONS, state


class WithoutPredictions:
    """Files of a commit whose predictions are not in the cache, nor given by a remote."""

    def __init__(self, commit: State, failure: OSError) -> None:
        self._commit, self._failure = commit, failure

    def read_bytes(self, path: str) -> bytes:
        if path == PREDICTIONS:
            raise self._failure
        return self._commit.read(path)

    def info(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._commit._files.info(path)
        return found


def as_commit(found: State, *, failure: OSError | None = None) -> State:
    files = WithoutPredictions(found, failure) if failure else found._files
    return replace(found, revision="a" * 40, _files=files, _hashes={})


def write(found: State, folder: Path) -> Path:
    for path in ("params.yaml", "dvc.yaml", "dvc.lock", "requirements.txt", *found.lock.code):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(found.read(path))
    for path in found.lock.outs:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(found.read(path))
    return folder


def test_results_that_can_be_read_are_taken_as_they_are(tmp_path: Path) -> None:
    commit = as_commit(state("main", SESSIONS, SCORES))

    with obtained(tmp_path, commit) as found:
        assert found is commit


def test_the_workspace_serves_if_it_comes_from_the_same_code_data_and_params(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = as_commit(state("main", SESSIONS, SCORES), failure=FileNotFoundError())
    # As on another CPU: the same inputs, and scores that differ in the last digit.
    root = write(state("workspace", SESSIONS, SCORES + 1e-12), tmp_path)
    assert not has_results(commit, fresh=False)

    with obtained(root, commit) as found:
        assert (found.name, found.revision) == ("main", "a" * 40)
        assert has_results(found, fresh=True)

    said = capsys.readouterr().err
    assert "workspace are used, which come from the same" in said
    assert "no remote gives it" not in said


def test_a_remote_that_refuses_is_named_as_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit = as_commit(state("main", SESSIONS, SCORES), failure=PermissionError("Forbidden"))
    root = write(state("workspace", SESSIONS, SCORES), tmp_path)

    with obtained(root, commit):
        pass

    said = capsys.readouterr().err
    assert (
        f"{PREDICTIONS} of main (aaaaaaa) is not in the DVC cache, and no remote gives it: " in said
    )
    assert "gives it: Forbidden\n" in said


def test_a_workspace_with_other_params_does_not_serve(tmp_path: Path) -> None:
    commit = as_commit(state("main", SESSIONS, SCORES), failure=FileNotFoundError())
    params = commit.read("params.yaml").decode().replace('"bins": 10', '"bins": 20')
    assert params != commit.read("params.yaml").decode()
    root = write(state("w", SESSIONS, SCORES, files={"params.yaml": params}), tmp_path)

    with pytest.raises(ProjectError, match="git cannot make a work tree"), obtained(root, commit):
        pass
