"""A record works in any folder, and follows it when it is copied or moved."""

import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from ecom.errors import TrackingError
from ecom.tracking.rooting import artifact_root, follow_folder
from ecom.tracking.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def without_a_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", "")  # put back after the test
    monkeypatch.chdir(tmp_path)


def log(home: Path, text: str) -> str:
    """Log a file in a run of its own; return the run's id."""
    store = Store(home)
    with store.client() as client:
        run_id = str(client.create_run(store._experiment(client, "trials")).info.run_id)
        client.log_text(run_id, text, "note.txt")
    return run_id


def logged(client: MlflowClient, run_id: str) -> str:
    return Path(client.download_artifacts(run_id, "note.txt")).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    ["a b (é)", "100%", "%41", "what?", 'it\'s "q" :x', "h#x;a&b=c", "back\\slash", "[x]*~$A"],
)
def test_a_folder_of_any_name_has_a_record(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    home.mkdir()

    run_id = log(home, "found")

    assert (home / "mlflow.db").is_file()
    assert len(list((home / "mlartifacts").rglob("note.txt"))) == 1
    with Store(home).client(create=False) as client:
        assert logged(client, run_id) == "found"
    assert list(tmp_path.iterdir()) == [home]


@pytest.mark.parametrize("moved", [False, True])
def test_a_record_that_is_copied_or_moved_writes_and_reads_in_its_new_folder(
    tmp_path: Path, *, moved: bool
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    before = log(old, "before")
    if moved:
        shutil.move(old, new)
    else:
        shutil.copytree(old, new)
    files = sorted(old.rglob("*"))

    after = log(new, "after")

    assert sorted(old.rglob("*")) == files
    shutil.rmtree(old, ignore_errors=True)
    with Store(new).client(create=False) as client:
        assert [logged(client, run) for run in (before, after)] == ["before", "after"]
        assert client.get_run(before).info.artifact_uri.startswith(f"{artifact_root(new)}/")


def test_a_record_without_its_artifacts_is_refused(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for home in (old, new):
        home.mkdir()
    log(old, "before")
    shutil.copy(old / "mlflow.db", new)

    with pytest.raises(TrackingError, match="was copied without mlartifacts/"):
        follow_folder(new)


def test_a_folder_without_a_record_gets_none(tmp_path: Path) -> None:
    follow_folder(tmp_path)

    assert list(tmp_path.iterdir()) == []
