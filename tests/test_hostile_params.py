"""params.yaml under attack: each knob and each kind of nonsense, then the file as text and bytes."""

import _stage

import copy
import math
import re
import reprlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.utils import _param_validation as of_scikit_learn

from ecom.errors import ParamsError
from ecom.params import HYPERPARAMETERS, Distribution, parse_params
from project import ROOT

pytestmark = pytest.mark.hostile
PARAMS: dict[str, Any] = YAML(typ="safe").load(ROOT / "params.yaml")


def places(node: Any = PARAMS, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the path of every section and knob."""
    below = [key for name, inner in node.items() for key in places(inner, (*path, name))] if isinstance(node, dict) else []  # fmt: skip
    return [path, *below] if path else below


def with_value(path: tuple[str, ...], value: object) -> dict[str, Any]:
    values = copy.deepcopy(PARAMS)
    node: Any = values
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return values


def without(path: tuple[str, ...]) -> dict[str, Any]:
    values = copy.deepcopy(PARAMS)
    node: Any = values
    for part in path[:-1]:
        node = node[part]
    del node[path[-1]]
    return values


KEYED: list[Any] = [{1: 2}, {None: None}]
HOSTILE: list[Any] = [
    None, True, "", " ", "1e-5", "nan", "yes", "٣", "x" * 10_000, "\0", 0, -1, 3, 10**30, 10**5000,
    0.5, -0.0, 1e-320, 1e308, math.nan, math.inf, -math.inf, [], [1], [[]], ["a"] * 9999, {}, {"a": 1},
    {1: 2}, {None: None},
]  # fmt: skip


@pytest.mark.parametrize("path", places(), ids=".".join)
def test_a_hostile_value_is_taken_as_it_is_or_told_with_its_key_and_what_is_allowed(
    path: tuple[str, ...],
) -> None:
    key = ".".join(path)
    refused = 0
    for value in HOSTILE:
        error = refusal(with_value(path, value))
        if error is None:
            section: Any = parse_params(with_value(path, value))[path[0]]
            assert same(node_at(section.model_dump(), path[1:]), value)
            continue
        refused += 1
        first, *lines = error.splitlines()
        assert first == "params.yaml has"
        for line in lines:
            assert re.search(ALLOWED, line), line
            assert len(line) < 500, line
            # Of the knob itself, of what it holds, or of a section whose parts do not go together.
            assert key in line or line.startswith(f"  - {'.'.join(path[:-1])}"), line
            # Keys of mappings are told as text.
            if line.startswith(f"  - {key}: ") and "not allowed" in line and value not in KEYED:
                assert value_of(line).startswith(spelled(value)[:20]), line

    assert refused > len(HOSTILE) / 2


def same(taken: object, given: object) -> bool:
    """Whether a value was taken as it is; 1 is 1.0 where a number is expected, and no other."""
    return taken == given and (
        type(taken) is type(given) or (isinstance(taken, float) and type(given) is int)
    )


def node_at(node: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        node = node[part]
    return node


def value_of(line: str) -> str:
    return line.partition(": ")[2].partition(" is not allowed")[0]


def spelled(value: object) -> str:
    try:
        return reprlib.repr(value)
    except ValueError:
        return "a number of thousands"


# Words that say what is allowed.
ALLOWED = "expected|known are|is (not )?(above|below)|both (0|whole)|not both whole|goes with|no month before|twice"


def refusal(values: object) -> str | None:
    """Return the message of what is refused, None where it is taken."""
    try:
        parse_params(values)
    except ParamsError as error:
        return str(error)
    return None


@pytest.mark.parametrize("path", places(), ids=".".join)
def test_a_section_or_knob_that_is_missing_is_told_by_its_key(path: tuple[str, ...]) -> None:
    error = refusal(without(path))

    if error is None:  # what a search draws may be less, as long as something is drawn
        assert path[:2] == ("tune", "distributions")
    else:
        assert path[0] in error
        assert re.search("expected|goes with", error)


@pytest.mark.parametrize("path", places(), ids=".".join)
def test_a_misspelt_key_is_told_with_what_was_meant(path: tuple[str, ...]) -> None:
    *parents, name = path
    node = node_at(PARAMS, path)
    with pytest.raises(ParamsError, match=rf"{name}_: unknown key; known are .*\b{name}\b"):
        parse_params(with_value((*parents, f"{name}_"), node))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tune.distributions.logistic.penalty": {"distribution": "uniform", "low": 0.0, "high": 1.0}},
         "tune.distributions.logistic.penalty: unknown key; known are C, max_iter, tol"),
        ({"tune.distributions.hist_gradient_boosting.max_features.high": 2.0},
         "max_features draws uniform from 0.2 to 2; expected a number above 0 and at most 1"),
        ({"tune.distributions.hist_gradient_boosting.max_leaf_nodes.distribution": "uniform"},
         "max_leaf_nodes draws uniform from 8 to 24; expected a whole number at least 2 and at most 10000"),
        ({"tune.distributions.hist_gradient_boosting.learning_rate.distribution": "uniform",
          "tune.distributions.hist_gradient_boosting.learning_rate.low": 0.0},
         "learning_rate draws uniform from 0 to 0.1; expected a number above 0"),
        ({"tune.distributions": {"logistic": PARAMS["tune"]["distributions"]["logistic"]}},
         "tune.distributions has none for hist_gradient_boosting, which cv may select, alone or in"),
        ({"validate.min_rows": 3000, "validate.max_rows": 2000}, "min_rows 3000 is above max_rows 2000"),
        ({"temporal.first_test_month": "Jan"}, "has no month before it to train on"),
        ({"threshold.costs.false_positive": 0.0, "threshold.costs.false_negative": 0.0}, "an error costs"),
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_told_before_any_work(
    change: dict[str, Any], said: str
) -> None:
    values = copy.deepcopy(PARAMS)
    for key, value in change.items():
        *parents, name = key.split(".")
        node: Any = values
        for part in parents:
            node = node[part]
        node[name] = value

    with pytest.raises(ParamsError, match=re.escape(said)):
        parse_params(values)


@pytest.mark.parametrize("candidate", HYPERPARAMETERS)
def test_what_may_be_drawn_is_what_scikit_learn_takes(candidate: Any) -> None:
    model = (
        LogisticRegression if candidate.startswith("logistic") else HistGradientBoostingClassifier
    )
    for name, domain in HYPERPARAMETERS[candidate].items():
        constraints = [
            of_scikit_learn.make_constraint(each) for each in model._parameter_constraints[name]
        ]
        for given_number in (-1, -1e-9, 0, 1e-9, 0.5, 1, 1.0, 1.5, 2, 2.0, 100, 255, 256, 1e6):
            number = given_number if domain.whole else float(given_number)
            ours = (
                (number > domain.low if domain.exclusive else number >= domain.low)
                and number <= domain.high
                and (isinstance(number, int) or not domain.whole)
            )
            theirs = any(each.is_satisfied_by(number) for each in constraints)
            # No step of a fit, max_iter 0, is no model; too many never end.
            ends = number <= domain.high and (name, number) != ("max_iter", 0)
            assert ours == (theirs and ends), (name, number)


@given(
    low=st.floats(0, 1e6), high=st.floats(0, 1e6), kind=st.sampled_from(["uniform", "log_uniform"])
)
def test_only_what_lies_within_the_domain_is_drawn(low: float, high: float, kind: Any) -> None:
    domain = HYPERPARAMETERS["hist_gradient_boosting"]["max_features"]
    try:
        drawn = Distribution(distribution=kind, low=low, high=high)
    except ValueError:
        return

    assert domain.holds(drawn) == (low > 0 and high <= 1)


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "3", "data: &a [*a]", "&a {data: *a}", "data: [", "a: 1\na: 2", "\t", "%", "\0",
        "data: !!python/object:os.system x", "? [1]\n: 2", "--- 1\n--- 2", "\ufeffdata: 1", "{}" * 99,
        "data: " + "9" * 5000, "data: 2026-11-31", "- " * 2000, "data: {x: " * 2000,
        "\n".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" if n else "a0: &a0 [x]" for n in range(40)),
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_a_file_that_is_no_params_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(_stage, "ROOT", tmp_path)

    with pytest.raises(ParamsError, match=r"params\.yaml") as caught:
        _stage.Stage("clean")

    assert len(str(caught.value)) < 10_000


yaml_like = st.text("ab:,-? []{}&*!|>'\"%@`#\n\t0123456789.e~\0é", max_size=60).map(str.encode)


@given(raw=st.binary(max_size=60) | yaml_like)
def test_any_bytes_are_params_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "bytes"
    folder.mkdir(exist_ok=True)
    (folder / "dvc.yaml").write_text("stages: {clean: {deps: []}}")
    (folder / "params.yaml").write_bytes(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_stage, "ROOT", folder)
        with pytest.raises(ParamsError, match=r"params\.yaml"):
            _stage.Stage("clean")
