"""params.yaml as a whole: every fault is named at once, also those that sections cannot tell."""

import io
from pathlib import Path

import pytest
from dvc.utils.serialize._yaml import _get_yaml, parse_yaml_for_update

from ecom.errors import ParamsError
from ecom.project.params_file import SECTIONS, parse_params, read_params
from params import COMMITTED, FILE, with_values
from project import ROOT


def test_the_committed_params_are_valid_and_complete() -> None:
    params = read_params(ROOT)

    assert list(SECTIONS) == [section.name for section in SECTIONS.values()] == list(COMMITTED)
    assert params.tune.n_iter == COMMITTED["tune"]["n_iter"]


def test_an_experiment_that_sets_a_value_changes_its_line_only() -> None:
    # `dvc exp run -S` rewrites the file, with each list anew: a layout other than its own, or a
    # comment that hangs on a list, would come back as noise.
    rewritten = io.StringIO()
    values = parse_yaml_for_update(FILE.read_text(), "")
    for section in values.values():
        section |= {name: list(value) for name, value in section.items() if isinstance(value, list)}
    _get_yaml().dump(values, rewritten)

    assert rewritten.getvalue() == FILE.read_text()


def test_faults_of_all_sections_are_told_at_once() -> None:
    values = with_values(
        {
            "split.seed": "x",
            "clean": {},
            "extra": 1,
            "cv.candidates": ["forest"],
            "tune.distributions.logistic.depth": {"distribution": "uniform", "low": 0, "high": 1},
            "review.shown": ["f1"],
        }
    )

    with pytest.raises(ParamsError) as raised:
        parse_params(values)

    assert [line.split(":")[0] for line in str(raised.value).splitlines()] == [
        "params.yaml has",
        "  - extra",
        "  - clean.drop_duplicates",
        "  - clean.drop_invalid",
        "  - split.seed",
        "  - cv.candidates.0",
        "  - tune.distributions.logistic.depth",
        "  - review.shown.f1",
    ]


@pytest.mark.parametrize("values", [None, [], "text", 3])
def test_a_file_without_sections_is_refused(values: object) -> None:
    with pytest.raises(ParamsError, match="expected sections data, validate"):
        parse_params(values)


def test_a_file_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: [")

    with pytest.raises(ParamsError, match=r"params\.yaml is not valid YAML"):
        read_params(tmp_path)
