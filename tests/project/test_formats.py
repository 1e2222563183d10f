"""YAML and metrics are read in one way, and what is wrong with them is told."""

import pytest

from ecom.errors import DataError
from ecom.project.formats import parse_metrics, parse_yaml


def test_yaml_is_read_as_dvc_reads_it() -> None:
    assert parse_yaml("a: 1e-5\nb: on") == {"a": 1e-5, "b": "on"}


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2", "a: 2026-11-31", "%", b"\xff\xfe\x00"])
def test_what_is_not_yaml_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="not valid YAML"):
        parse_yaml(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "Expecting property name"),
        (b"", "Expecting value"),
        (b"\xff\xfe", "Expecting value"),
        (b"[]", r"expected a mapping, got \[\]"),
        (b"[{}, {}]", r"expected a mapping, got \[\{\}, \{\}\]"),
        (b'{"a": NaN}', "NaN is not a finite figure"),
        (b'{"a": -Infinity}', "-Infinity is not a finite figure"),
    ],
)
def test_what_is_not_a_mapping_of_finite_figures_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_metrics(text, "metrics/x.json", DataError)


@pytest.mark.parametrize("text", ['{"a": {"b": 1}}', '[{"a": {"b": 1}}]'])
def test_a_mapping_is_read_alone_or_within_a_list(text: str) -> None:
    assert parse_metrics(text, "metrics/x.json", DataError) == {"a": {"b": 1}}


def test_a_figure_that_is_missing_is_told_with_its_file() -> None:
    metrics = parse_metrics('{"rows": {"train": 1}}', "metrics/x.json", DataError)

    assert metrics["rows"]["train"] == 1
    for mapping, name in ((metrics, "problems"), (metrics["rows"], "test")):
        with pytest.raises(
            DataError,
            match=rf"metrics/x\.json has no '{name}': a different version of the code wrote it",
        ):
            mapping[name]
