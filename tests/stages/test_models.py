"""Models come back as they were written, or with a word on what is wrong."""

import _stage
from _models import read_model, write_model

import pytest

from ecom.errors import DataError

MODEL = {str(number): list(range(number)) for number in range(99)}


@pytest.fixture
def written(reads_all: _stage.Stage, monkeypatch: pytest.MonkeyPatch) -> _stage.Stage:
    """Return a stage that has written a model."""
    monkeypatch.setattr(reads_all, "previous_out", lambda path: reads_all.root / path)
    write_model(reads_all, "model.joblib", MODEL)
    return reads_all


def test_a_model_comes_back_as_it_was_written(written: _stage.Stage) -> None:
    assert read_model(written, "model.joblib") == MODEL


@pytest.mark.parametrize("keep", [0, 10, 300])
def test_a_model_that_was_cut_is_a_clear_error(written: _stage.Stage, keep: int) -> None:
    path = written.root / "model.joblib"
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(DataError, match=r"model\.joblib cannot be read: .*makes it again"):
        read_model(written, "model.joblib")
