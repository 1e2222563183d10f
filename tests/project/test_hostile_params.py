"""params.yaml under attack: every value, with every kind of nonsense; then the file as text and bytes."""

import math
import re
import reprlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.errors import ParamsError
from ecom.project.params_file import parse_params, read_params
from params import COMMITTED, value_at, with_values

pytestmark = pytest.mark.hostile


def names_in(node: Any, name: str = "") -> list[str]:
    """Return the dotted name of every section and value."""
    below = node.items() if isinstance(node, dict) else ()
    found = [
        key for child, inner in below for key in names_in(inner, f"{name}.{child}".lstrip("."))
    ]
    return [name, *found] if name else found


NAMES = names_in(COMMITTED)
KEYED: list[Any] = [{1: 2}, {None: None}]
HOSTILE: list[Any] = [
    *(None, True, "", " ", "1e-5", "nan", "yes", "٣", "x" * 10_000, "\0"),
    *(0, -1, 3, 10**30, 10**5000, 0.5, -0.0, 1e-320, 1e308, math.nan, math.inf, -math.inf),
    *([], [1], [[]], ["a"] * 9999, {}, {"a": 1}, {1: 2}, {None: None}),
]
# Words that say what is allowed.
ALLOWED = (
    "expected|known are|should (be|have|match)|is (not )?(above|below)|both (0|whole)|not both whole"
    "|is required for|no month before|twice"
)


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_value_is_taken_as_it_is_or_told_with_its_key_and_what_is_allowed(
    name: str,
) -> None:
    refused = 0
    for value in HOSTILE:
        values = with_values({name: value})
        error = refusal(values)
        if error is None:
            section, _, rest = name.partition(".")
            taken = getattr(parse_params(values), section).model_dump()
            assert same(value_at(taken, rest), value)
            continue
        refused += 1
        first, *lines = error.splitlines()
        assert first == "params.yaml has"
        for line in lines:
            assert re.search(ALLOWED, line), line
            assert len(line) < 500, line
            # About the value itself, what it contains, or a section whose values contradict it.
            assert name in line or line.startswith(f"  - {name.rpartition('.')[0]}"), line
            # Keys of mappings are told as text.
            if line.startswith(f"  - {name}: ") and "not allowed" in line and value not in KEYED:
                assert value_in(line).startswith(spelled(value)[:20]), line

    assert refused > len(HOSTILE) / 2


def same(taken: object, given: object) -> bool:
    """Tell whether a value was taken as it is; 1 is 1.0 where a number is expected, and no other."""
    return taken == given and (
        type(taken) is type(given) or (isinstance(taken, float) and type(given) is int)
    )


def value_in(line: str) -> str:
    return line.partition(": ")[2].partition(" is not allowed")[0]


def spelled(value: object) -> str:
    try:
        return reprlib.repr(value)
    except ValueError:
        return "a number of thousands"


def refusal(values: object) -> str | None:
    """Return the message of what is refused; None if it is taken."""
    try:
        parse_params(values)
    except ParamsError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", NAMES)
def test_a_section_or_value_that_is_missing_is_told_by_its_key(name: str) -> None:
    values = with_values({})
    parent, _, last = name.rpartition(".")
    del value_at(values, parent)[last]

    error = refusal(values)

    if error is None:  # fewer hyperparameters may be drawn, and fewer metrics judged
        assert name.startswith(("tune.distributions.", "review.decisive."))
    else:
        assert name.split(".", maxsplit=1)[0] in error
        assert re.search("expected|is required for|should have", error)


@pytest.mark.parametrize("name", NAMES)
def test_a_misspelt_key_is_told_with_what_was_meant(name: str) -> None:
    values = with_values({f"{name}_": value_at(COMMITTED, name)})
    last = name.rpartition(".")[2]

    with pytest.raises(ParamsError, match=rf"{last}_: unknown key; known are .*\b{last}\b"):
        parse_params(values)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "3",
        "data: &a [*a]",
        "&a {data: *a}",
        "data: [",
        "a: 1\na: 2",
        "\t",
        "%",
        "\0",
        "data: !!python/object:os.system x",
        "? [1]\n: 2",
        "--- 1\n--- 2",
        "\ufeffdata: 1",
        "{}" * 99,
        "data: " + "9" * 5000,
        "data: 2026-11-31",
        "- " * 2000,
        "data: {x: " * 2000,
        "\n".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" if n else "a0: &a0 [x]" for n in range(40)),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_a_file_that_is_no_params_is_a_clear_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(ParamsError, match=r"params\.yaml") as raised:
        read_params(tmp_path)

    assert len(str(raised.value)) < 10_000


yaml_like = st.text("ab:,-? []{}&*!|>'\"%@`#\n\t0123456789.e~\0é", max_size=60).map(str.encode)


@given(raw=st.binary(max_size=60) | yaml_like)
def test_any_bytes_are_params_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "bytes"
    folder.mkdir(exist_ok=True)
    (folder / "params.yaml").write_bytes(raw)
    with pytest.raises(ParamsError, match=r"params\.yaml"):
        read_params(folder)
