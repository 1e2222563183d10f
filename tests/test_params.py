"""params.yaml: what is wrong is told by key, value and what is allowed."""

import copy
import io
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize._yaml import _get_yaml, parse_yaml_for_update
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ecom.errors import ParamsError
from ecom.params import SECTIONS, Data, Section, Tune, parse_params

PARAMS_FILE = Path(__file__).parent.parent / "params.yaml"
PARAMS: dict[str, Any] = YAML(typ="safe").load(PARAMS_FILE)


def with_value(key: str, value: object) -> dict[str, Any]:
    values = copy.deepcopy(PARAMS)
    *parents, last = key.split(".")
    node = values
    for parent in parents:
        node = node[parent]
    node[last] = value
    return values


def test_the_committed_params_are_valid_and_complete() -> None:
    sections = parse_params(PARAMS)

    assert list(sections) == [section.name for section in SECTIONS] == list(PARAMS)
    assert isinstance(sections["tune"], Tune)


def test_an_experiment_that_sets_a_knob_changes_its_line_only() -> None:
    # `dvc exp run -S` rewrites the file, with each list anew: a layout other than its own, or a
    # comment that hangs on a list, would come back as noise.
    rewritten = io.StringIO()
    values = parse_yaml_for_update(PARAMS_FILE.read_text(), "")
    for section in values.values():
        section |= {name: list(knob) for name, knob in section.items() if isinstance(knob, list)}
    _get_yaml().dump(values, rewritten)

    assert rewritten.getvalue() == PARAMS_FILE.read_text()


def test_sections_are_frozen() -> None:
    data = parse_params(PARAMS)["data"]

    assert isinstance(data, Data)
    with pytest.raises(ValueError, match="frozen"):
        data.source = "synthetic"


@pytest.mark.parametrize("text", ["1e-5", "1e-05", "0.00001", "1.0e-5"])
def test_numbers_with_an_exponent_are_numbers(text: str) -> None:
    values = with_value("baseline.C", YAML(typ="safe").load(f"C: {text}")["C"])

    assert parse_params(values)["baseline"].model_dump()["C"] == 1e-5


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("tune.n_iter", 0, "tune.n_iter: 0 is not allowed; expected a whole number at least 1 and"),
        ("tune.n_iter", "15", "tune.n_iter: '15' is not allowed; expected a whole number"),
        ("tune.n_iter", 1.5, "tune.n_iter: 1.5 is not allowed; expected a whole number"),
        ("tune.n_iter", True, "tune.n_iter: True is not allowed; expected a whole number"),
        ("tune.n_iter", [15], "tune.n_iter: [15] is not allowed; expected a whole number"),
        ("tune.n_iters", 3, "tune.n_iters: unknown key; known are n_iter, scoring, seed, n_jobs, "),
        ("tune.n_iters", 3, "did you mean n_iter?"),
        ("tunes", {}, "tunes: unknown key; known are data, validate, clean, split, features, "),
        ("tune.scoring", "f1", "tune.scoring: 'f1' is not allowed; expected one of average_precision"),
        ("split.test_size", 1, "expected a number above 0 and below 1"),
        ("split.test_size", float("nan"), "split.test_size: nan is not allowed; expected a number"),
        ("split.seed", -1, "split.seed: -1 is not allowed; expected a whole number at least 0"),
        ("split", None, "split: None is not allowed; expected a section with test_size, seed"),
        ("split", {"seed": 1}, "split.test_size: missing; expected a number above 0 and below 1"),
        ("clean.drop_duplicates", "yes", "'yes' is not allowed; expected true or false"),
        ("data.sha256", "abc", "data.sha256: 'abc' is not allowed; expected text matching"),
        ("data.sources", [], "data.sources: [] is not allowed; expected a list that is not empty"),
        ("data.sources", "a.csv", "'a.csv' is not allowed; expected a list that is not empty"),
        ("data.synthetic.rows", 1, "data.synthetic.rows: 1 is not allowed; expected a whole number"),
        ("cv.candidates", ["forest"], "cv.candidates.0: 'forest' is not allowed; expected one of"),
        ("cv.candidates", ["logistic"] * 2, "cv: candidates ['logistic', 'logistic'] names one twice"),
        ("validate.min_rows", 30_000, "validate: min_rows 30000 is above max_rows 20000"),
        ("validate.min_positive_rate", 0.9, "validate: min_positive_rate 0.9 is above max_positi"),
        ("tune.distributions.logistic.C.low", -1, "low -1.0 is not above 0, as log_grid needs"),
        ("tune.distributions.logistic.C.low", 2000, "tune.distributions.logistic.C: low 2000.0 is not"),
        ("tune.distributions.logistic.C.num", None, "num goes with log_grid, and only with it"),
        ("tune.distributions.logistic.C.max", 1, "unknown key; known are distribution, low, high, num"),
        ("tune.distributions.forest", {}, "tune.distributions.forest: unknown key; known are logistic"),
        ("tune.distributions.hist_gradient_boosting.max_leaf_nodes.low", 8.5, "not both whole"),
        ("tune.distributions.average", {}, "tune.distributions.average: unknown key; known are logi"),
        ("features.set", "arrival", "features.set: 'arrival' is not allowed; expected one of end_of"),
        ("cv.rule", "simplest", "'simplest' is not allowed; expected one of best, one_standard_error"),
        ("threshold.strategy", "cost", "expected one of minimum_cost, quota, target_precision, targ"),
        ("threshold.quota", 1.0, "threshold.quota: 1.0 is not allowed; expected a number above 0 and"),
        ("threshold.costs", {"false_positive": 0.0, "false_negative": 0.0}, "are both 0: an error"),
        ("threshold.costs.false_negative", -5, "threshold.costs.false_negative: -5 is not allowed"),
        ("temporal.first_test_month", "Sept", "'Sept' is not allowed; expected one of Jan, Feb, Ma"),
        ("temporal.first_test_month", "Jan", "temporal: first_test_month Jan has no month before it"),
        ("bootstrap.resamples", 10, "bootstrap.resamples: 10 is not allowed; expected a whole numbe"),
        ("explain.columns", 18, "explain.columns: 18 is not allowed; expected a whole number at lea"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_by_key_value_and_what_is_allowed(
    key: str, value: object, said: str
) -> None:
    with pytest.raises(ParamsError) as caught:
        parse_params(with_value(key, value))

    assert said in str(caught.value)


@pytest.mark.parametrize("key", ["tune", "tune.distributions", "tune.distributions.logistic"])
def test_a_key_that_is_no_text_is_an_unknown_key(key: str) -> None:
    values = with_value(f"{key}.x", 1)
    node: Any = values
    for part in key.split("."):
        node = node[part]
    node[3] = node.pop("x")

    with pytest.raises(ParamsError, match=rf"{key}\.3"):
        parse_params(values)


def test_every_fault_is_told_at_once() -> None:
    values = with_value("split.seed", "x") | {"clean": {}, "extra": 1}

    with pytest.raises(ParamsError) as caught:
        parse_params(values)

    assert [line.split(":")[0] for line in str(caught.value).splitlines()[1:]] == [
        "  - extra", "  - clean.drop_duplicates", "  - split.seed",
    ]  # fmt: skip


@pytest.mark.parametrize("values", [None, [], "text", 3])
def test_a_file_without_sections_is_refused(values: object) -> None:
    with pytest.raises(ParamsError, match="expected sections data, validate"):
        parse_params(values)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
)


@given(section=st.sampled_from(SECTIONS), data=st.data(), value=json_like)
def test_hostile_values_are_taken_as_they_are_or_refused_with_the_key(
    section: type[Section], data: st.DataObject, value: object
) -> None:
    knob = data.draw(st.sampled_from(sorted(section.model_fields)))
    key = f"{section.name}.{knob}"

    try:
        taken = parse_params(with_value(key, value))[section.name].model_dump()[knob]
    except ParamsError as error:
        told = str(error)
    else:
        told = section.name
        assert taken == value

    assert section.name in told
