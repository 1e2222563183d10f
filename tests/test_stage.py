"""Stages reach only what dvc.yaml declares for them, and write all of a file or nothing."""

import _stage

import io
import json
import shutil
import sys
from pathlib import Path

import joblib
import pandas as pd
import pytest

from ecom.errors import DataError, NoSourceAnsweredError, ParamsError
from ecom.params import Clean, Data, Split

ROOT = Path(__file__).parent.parent


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _stage.Stage:
    """Return the clean stage of a project that has nothing but its declaration and its knobs."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(_stage, "ROOT", tmp_path)
    return _stage.Stage("clean")


def test_declared_sections_are_reached_and_no_others(stage: _stage.Stage) -> None:
    assert stage.params(Clean).drop_duplicates is True
    for undeclared in (Split, Data):
        with pytest.raises(_stage.UndeclaredError, match="does not declare among its params"):
            stage.params(undeclared)


def test_declared_files_are_reached_and_no_others(stage: _stage.Stage) -> None:
    with pytest.raises(_stage.UndeclaredError, match="does not declare among its deps"):
        stage.dep("data/features/test.parquet")
    with (
        pytest.raises(_stage.UndeclaredError, match="does not declare among its outs"),
        stage.out("metrics/tune.json"),
    ):
        pass


def test_a_missing_input_says_how_to_make_it(stage: _stage.Stage) -> None:
    with pytest.raises(DataError, match="run `dvc repro clean`"):
        stage.dep("data/raw/online_shoppers_intention.csv")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "cannot be read: Expecting property name"),
        (b"", "cannot be read: Expecting value"),
        (b"\xff\xfe", "cannot be read: 'utf-8' codec"),
        (b"[]", r"cannot be read: expected a mapping, got \[\]"),
        (b'{"sha256": NaN}', "cannot be read: NaN is no figure"),
    ],
)
def test_metrics_that_were_cut_or_changed_are_a_clear_error(
    stage: _stage.Stage, content: bytes, said: str
) -> None:
    (_stage.ROOT / "metrics").mkdir()
    (_stage.ROOT / "metrics/validate.json").write_bytes(content)

    with pytest.raises(DataError, match=rf"metrics/validate\.json {said}"):
        stage.read_metrics("metrics/validate.json")


def test_a_figure_that_is_not_in_the_metrics_is_a_clear_error(stage: _stage.Stage) -> None:
    (_stage.ROOT / "metrics").mkdir()
    (_stage.ROOT / "metrics/validate.json").write_text('{"rows": {"train": 1}}')

    metrics = stage.read_metrics("metrics/validate.json")

    assert metrics["rows"]["train"] == 1
    with pytest.raises(DataError, match=r"metrics/validate\.json has no 'problems': run the stage"):
        metrics["problems"]
    with pytest.raises(DataError, match="has no 'test'"):
        metrics["rows"]["test"]


def test_an_error_without_a_message_is_told_by_its_name(
    stage: _stage.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_stage.ROOT / "model.joblib").touch()
    monkeypatch.setattr(stage, "dep", lambda path: _stage.ROOT / path)

    with pytest.raises(DataError, match=r"model\.joblib cannot be read: EOFError\. It is not"):
        stage.read_model("model.joblib")


@pytest.mark.parametrize("keep", [0, 10, 300])
def test_a_model_or_table_that_was_cut_is_a_clear_error(
    stage: _stage.Stage, monkeypatch: pytest.MonkeyPatch, keep: int
) -> None:
    model, table = _stage.ROOT / "model.joblib", _stage.ROOT / "table.parquet"
    joblib.dump({str(number): list(range(number)) for number in range(99)}, model)
    pd.DataFrame({"a": range(9999)}).to_parquet(table)
    monkeypatch.setattr(stage, "dep", lambda path: _stage.ROOT / path)
    for path in (model, table):
        path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(DataError, match=r"model\.joblib cannot be read: "):
        stage.read_model("model.joblib")
    with pytest.raises(DataError, match=r"table\.parquet cannot be read: "):
        stage.read_sessions("table.parquet")


def test_a_write_that_fails_leaves_the_old_file_and_no_other(stage: _stage.Stage) -> None:
    path = "data/processed/online_shoppers_clean.csv"
    stage.write_table(path, pd.DataFrame({"a": [1]}))

    def write_half() -> None:
        with stage.out(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_half()

    folder = (_stage.ROOT / path).parent
    assert [file.name for file in folder.iterdir()] == ["online_shoppers_clean.csv"]
    assert (_stage.ROOT / path).read_text() == "a\n1\n"


def test_metrics_are_labelled_sorted_and_rounded(stage: _stage.Stage) -> None:
    stage.write_metrics("metrics/clean.json", {"b": 1 / 3, "a": [0.1 + 0.2]}, exact={"c": 1e-9 / 3})

    text = (_stage.ROOT / "metrics/clean.json").read_text()
    assert json.loads(text) == {"a": [0.3], "b": 0.333333, "c": 1e-9 / 3, "data": "real"}
    assert text.index('"a"') < text.index('"b"') < text.index('"c"') < text.index('"data"')


def test_a_metric_that_is_no_number_is_never_written(stage: _stage.Stage) -> None:
    with pytest.raises(ValueError, match="JSON"):
        stage.write_metrics("metrics/clean.json", {"a": [float("inf")]})

    assert not (_stage.ROOT / "metrics/clean.json").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [", "not valid YAML"), ("a: 1\na: 2", "not valid YAML"), ("", "expected")],
)
def test_a_params_file_that_is_broken_is_a_clear_error(
    stage: _stage.Stage, text: str, said: str
) -> None:
    (_stage.ROOT / "params.yaml").write_text(text)

    with pytest.raises(ParamsError, match=said):
        _stage.Stage(stage.name)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (DataError("no rows"), 1, "test_stage: no rows\n"),
        (NoSourceAnsweredError("nobody"), 69, "test_stage: nobody\n"),
        (
            OSError(28, "No space left on device", "x.csv"),
            1,
            "test_stage: No space left on device: x.csv\n",
        ),
    ],
)
@pytest.mark.usefixtures("stage")
def test_what_a_user_can_act_on_is_shown_without_a_traceback(
    error: Exception,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def main(_: _stage.Stage) -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["stage"])
    monkeypatch.setattr(_stage, "Stage", lambda _: None)
    with pytest.raises(SystemExit) as exit_:
        _stage.run(main)

    assert exit_.value.code == status
    assert capsys.readouterr().err == said


def test_arguments_are_refused_not_ignored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", "--n_iter", "3"])

    with pytest.raises(SystemExit):
        _stage.run(lambda _: None)

    assert "takes no arguments, got '--n_iter 3'" in capsys.readouterr().err


class TerminatedWorkerError(Exception):
    """As joblib names the loss of a worker."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            MemoryError("Unable to allocate 9 GiB"),
            "stage: memory ran out: free some, or take fewer",
        ),
        (ImportError("x.so: failed to map segment from shared object"), "stage: memory ran out: "),
        (TerminatedWorkerError(), "stage: a worker process was killed, as where memory runs out: "),
        (ValueError("another"), "ValueError: another\n"),
    ],
)
def test_memory_that_runs_out_is_told_in_a_line_and_all_else_as_ever(
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["stages/stage.py"])

    sys.excepthook(type(error), error, None)

    assert capsys.readouterr().err.startswith(said)


def test_a_terminal_that_knows_no_euro_does_not_stop_a_stage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "argv", ["stage"])
    monkeypatch.setattr(_stage, "Stage", lambda _: None)

    _stage.run(lambda _: print("229 €"))

    assert terminal.buffer.getvalue() == b"229 \\u20ac\n"
