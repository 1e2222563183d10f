"""Sections are closed and frozen, and every fault is told by key, value and what is allowed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ecom.errors import ParamsError
from ecom.params.baseline import Baseline
from ecom.params.data import Data
from ecom.params.section import Section, find_faults, parse_section, shown, unknown_key
from ecom.params.split import Split
from ecom.params.tune import Tune
from ecom.project.params_file import SECTIONS
from params import COMMITTED, faults_of, with_values


def test_a_section_is_parsed_without_a_look_at_the_others() -> None:
    content = {"split": COMMITTED["split"], "tune": "nonsense"}

    assert parse_section(content, Split).seed == 42


def test_sections_are_frozen() -> None:
    data = parse_section(COMMITTED, Data)

    with pytest.raises(ValueError, match="frozen"):
        data.source = "synthetic"


@pytest.mark.parametrize("text", ["1e-5", "1e-05", "0.00001", "1.0e-5"])
def test_numbers_with_an_exponent_are_numbers(text: str) -> None:
    values = with_values({"baseline.C": YAML(typ="safe").load(f"C: {text}")["C"]})

    assert parse_section(values, Baseline).C == 1e-5


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(ParamsError) as raised:
        parse_section(with_values({"split": {"seed": "x", "tset_size": 0.2}}), Split)

    assert str(raised.value).splitlines() == [
        "params.yaml has",
        "  - split.test_size: missing; expected a value",
        "  - split.seed: 'x' is not allowed; input should be a valid integer",
        "  - split.max_train_rows: missing; expected a value",
        "  - split.tset_size: unknown key; known are test_size, seed, max_train_rows; did you mean test_size?",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "split: missing; expected a section with test_size, seed, max_train_rows"),
        (
            {"split": None},
            "split: None is not allowed; expected a section with test_size, seed, max_train_rows",
        ),
        ([], "the file holds []; expected sections such as split"),
    ],
)
def test_a_section_that_is_missing_is_told_with_its_keys(content: object, said: str) -> None:
    assert find_faults(content, Split) == (None, [said])


@pytest.mark.parametrize("key", ["", "distributions.", "distributions.logistic.C."])
def test_a_key_that_is_no_text_is_an_unknown_key(key: str) -> None:
    values = with_values({f"tune.{key}x": 1})
    node: Any = values["tune"]
    for part in filter(None, key.split(".")):
        node = node[part]
    node[3] = node.pop("x")

    assert any(fault.startswith(f"tune.{key}3: ") for fault in find_faults(values, Tune)[1])


def test_an_alias_that_contains_itself_is_told() -> None:
    content: dict[str, Any] = {}
    content["split"] = {"seed": content}

    assert find_faults(content, Split)[1] == ["split: an alias contains itself; expected values"]


def test_a_long_value_is_shortened() -> None:
    assert len(shown("x" * 9999)) <= 100
    assert shown(10**5000) == "a number of thousands of digits"


def test_a_misspelt_key_is_told_with_what_was_meant() -> None:
    assert unknown_key("a.sed", ["seed", "rows"]) == (
        "a.sed: unknown key; known are seed, rows; did you mean seed?"
    )


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3)
    ),
)


@given(section=st.sampled_from(list(SECTIONS.values())), data=st.data(), value=json_like)
def test_hostile_values_are_taken_as_they_are_or_refused_with_the_section(
    section: type[Section], data: st.DataObject, value: object
) -> None:
    name = data.draw(st.sampled_from(sorted(section.model_fields)))

    faults = faults_of(section, {name: value})

    if faults:
        assert all(fault.startswith(section.name) for fault in faults)
    else:
        values = with_values({f"{section.name}.{name}": value})
        assert parse_section(values, section).model_dump()[name] == value
