"""Stages reach only what dvc.yaml declares for them, and write all of a file or nothing."""

import _stage

import sys

import pandas as pd
import pytest

from ecom.errors import DataError, NoSourceAnsweredError, ParamsError
from ecom.params.clean import Clean
from ecom.params.data import Data
from ecom.params.split import Split

CLEAN = "data/processed/online_shoppers_clean.csv"


def test_declared_sections_are_reached_and_no_others(stage: _stage.Stage) -> None:
    assert stage.params(Clean).drop_duplicates is True
    for undeclared in (Split, Data):
        with pytest.raises(_stage.UndeclaredError, match="does not declare among its params"):
            stage.params(undeclared)


def test_a_fault_of_another_section_does_not_concern_a_stage(stage: _stage.Stage) -> None:
    path = stage.root / "params.yaml"
    path.write_text(path.read_text().replace("n_iter: 15", "n_iter: many"))

    assert _stage.Stage("clean", stage.root).params(Clean).drop_duplicates is True


def test_a_fault_of_its_own_section_stops_a_stage(stage: _stage.Stage) -> None:
    path = stage.root / "params.yaml"
    path.write_text(path.read_text().replace("drop_duplicates: true", "drop_duplicates: maybe"))

    with pytest.raises(ParamsError, match=r"clean\.drop_duplicates: 'maybe' is not allowed"):
        _stage.Stage("clean", stage.root).params(Clean)


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


def test_a_parser_without_memory_is_no_damaged_file(reads_all: _stage.Stage) -> None:
    with pytest.raises(MemoryError), reads_all.readable("x.csv"):
        raise pd.errors.ParserError("Error tokenizing data. C error: out of memory")


def test_an_error_without_a_message_is_told_by_its_name(reads_all: _stage.Stage) -> None:
    with (
        pytest.raises(DataError, match=r"x\.csv cannot be read: EOFError\. It is not what an earl"),
        reads_all.readable("x.csv"),
    ):
        raise EOFError


def test_a_write_that_fails_leaves_the_old_file_and_no_other(stage: _stage.Stage) -> None:
    stage.write_text(CLEAN, "whole")

    def write_half() -> None:
        with stage.out(CLEAN) as temporary:
            temporary.write_text("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_half()

    folder = (stage.root / CLEAN).parent
    assert [file.name for file in folder.iterdir()] == ["online_shoppers_clean.csv"]
    assert (stage.root / CLEAN).read_text() == "whole"


def test_metrics_are_labelled_by_the_kind_of_data(stage: _stage.Stage) -> None:
    path = stage.root / "params.yaml"
    path.write_text(path.read_text().replace("source: real", "source: reel"))

    assert stage.data_kind() == "real"
    with pytest.raises(ParamsError, match=r"data\.source is 'reel'; expected real or synthetic"):
        _stage.Stage("clean", stage.root).data_kind()


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [", "not valid YAML"), ("a: 1\na: 2", "not valid YAML"), ("", "the file holds None")],
)
def test_a_params_file_that_is_broken_is_a_clear_error(
    stage: _stage.Stage, text: str, said: str
) -> None:
    (stage.root / "params.yaml").write_text(text)

    with pytest.raises(ParamsError, match=said):
        _stage.Stage(stage.name, stage.root).params(Clean)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", "names no stages"),
        ("stages: {other: {cmd: x}}", "has no stage"),
        ("stages: {a: }", "without content"),
    ],
)
def test_a_pipeline_without_the_stage_is_a_clear_error(
    stage: _stage.Stage, text: str, said: str
) -> None:
    (stage.root / "dvc.yaml").write_text(text)

    with pytest.raises(ParamsError, match=said):
        _stage.Stage(stage.name, stage.root)


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
