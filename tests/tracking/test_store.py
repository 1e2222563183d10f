"""The store is the project's database or a server; what goes wrong there is one kind of error."""

from dataclasses import replace
from pathlib import Path

import pytest

from ecom.errors import TrackingError
from ecom.tracking.provenance import Provenance
from ecom.tracking.store import Store, _later

ORIGIN = Provenance("s" * 64, "c" * 40, "false", "p", "r", "m", "k", "")


@pytest.fixture(autouse=True)
def without_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(variable, raising=False)


def test_the_address_is_that_of_the_project_or_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Store(tmp_path).address == f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert Store(tmp_path).address == "http://127.0.0.1:9"


def test_a_record_that_is_only_asked_is_not_created(tmp_path: Path) -> None:
    with (
        pytest.raises(TrackingError, match="nothing is recorded yet"),
        Store(tmp_path).client(create=False),
    ):
        pass

    assert not (tmp_path / "mlflow.db").exists()


def test_a_failure_is_told_with_the_address_in_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(TrackingError, match=r"MLflow at sqlite:.* failed: no space left$"),
        Store(tmp_path).client(),
    ):
        raise OSError("no space left\non the device")


def test_a_store_that_is_too_slow_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="did not finish in time"):
        Store(tmp_path, seconds=-1)._check_deadline()


@pytest.mark.parametrize(
    ("origin", "recorded", "changes"),
    [
        ("false", "true", {"ecom.commit": "c" * 40, "ecom.dirty": "false"}),
        ("false", "false", {}),
        ("true", "true", {}),
    ],
)
def test_tags_change_once_a_recorded_state_is_committed(
    origin: str, recorded: str, changes: dict[str, str]
) -> None:
    assert _later(replace(ORIGIN, dirty=origin), {"ecom.dirty": recorded}) == changes
