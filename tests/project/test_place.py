"""The record is in the project, or on the server that the environment names."""

from pathlib import Path

import pytest

from ecom.project.place import DATABASE, has_record, local_home


@pytest.fixture(autouse=True)
def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(variable, raising=False)


def test_without_a_server_the_record_is_in_the_project(tmp_path: Path) -> None:
    assert local_home(tmp_path) == tmp_path
    assert not has_record(tmp_path)
    (tmp_path / DATABASE).touch()
    assert has_record(tmp_path)


def test_a_copy_of_the_project_records_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))

    assert local_home(tmp_path / ".dvc" / "tmp" / "exps" / "copy") == tmp_path


def test_a_server_is_assumed_to_have_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")

    assert local_home(tmp_path) is None
    assert has_record(tmp_path)
