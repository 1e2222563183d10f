"""Metrics are written sorted and rounded, and read with a word on what is wrong."""

import _stage
from _metrics import read_metrics, write_metrics, write_summary

import json

import pytest

from ecom.errors import DataError

CLEAN, VALIDATE = "metrics/clean.json", "metrics/validate.json"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "cannot be read: Expecting property name"),
        (b"", "cannot be read: Expecting value"),
        (b"\xff\xfe", "cannot be read: Expecting value"),
        (b"\x80abc", "cannot be read: 'utf-8' codec"),
        (b"[]", r"cannot be read: expected a mapping, got \[\]"),
        (b'{"sha256": NaN}', "cannot be read: NaN is not a finite figure"),
    ],
)
def test_metrics_that_were_cut_or_changed_are_a_clear_error(
    stage: _stage.Stage, content: bytes, said: str
) -> None:
    (stage.root / "metrics").mkdir()
    (stage.root / VALIDATE).write_bytes(content)

    with pytest.raises(DataError, match=rf"metrics/validate\.json {said}"):
        read_metrics(stage, VALIDATE)


def test_a_figure_that_is_not_in_the_metrics_is_a_clear_error(stage: _stage.Stage) -> None:
    (stage.root / "metrics").mkdir()
    (stage.root / VALIDATE).write_text('{"rows": {"train": 1}}')

    metrics = read_metrics(stage, VALIDATE)

    assert metrics["rows"]["train"] == 1
    with pytest.raises(DataError, match=r"metrics/validate\.json has no 'problems'"):
        metrics["problems"]


def test_metrics_are_labelled_sorted_and_rounded(stage: _stage.Stage) -> None:
    write_metrics(stage, CLEAN, {"b": 1 / 3, "a": [0.1 + 0.2]}, exact={"c": 1e-9 / 3})

    text = (stage.root / CLEAN).read_text()
    written = {"a": [0.3], "b": 0.333333, "c": 1e-9 / 3, "data": "real"}
    assert json.loads(text) == [written]
    assert text.index('"a"') < text.index('"b"') < text.index('"c"') < text.index('"data"')


def test_dvc_is_shown_the_summary(stage: _stage.Stage) -> None:
    write_summary(stage, CLEAN, {"a": 1 / 3}, exact={"b": 1 / 3})

    assert json.loads((stage.root / CLEAN).read_text()) == {
        "a": 0.333333,
        "b": 1 / 3,
        "data": "real",
    }


def test_a_metric_that_is_not_finite_is_never_written(stage: _stage.Stage) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_metrics(stage, CLEAN, {"a": [float("inf")]})

    assert not (stage.root / CLEAN).exists()
