"""A manifest reads back as it was written, and says what is wrong with another."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.errors import PackageError
from ecom.schema import FEATURE_SETS, FEATURES
from ecom.serving import manifest
from ecom.serving.manifest import (
    FORMAT,
    Manifest,
    PackagedCosts,
    PackagedFile,
    packaged_columns,
)

MANIFEST = Manifest(
    data="real",
    candidate="logistic",
    description="a logistic regression",
    feature_set="end_of_session",
    columns=packaged_columns("end_of_session"),
    threshold=0.15,
    strategy="minimum_cost",
    costs=PackagedCosts(false_positive=1.0, false_negative=5.0),
    figures={},
    made_of={"models/best_model.joblib": "0" * 32},
    made_with={"numpy": "2"},
    files={"model.onnx": PackagedFile.of(b"graph")},
)
WRITTEN = MANIFEST.to_json()


def changed(**values: Any) -> bytes:
    """Return the manifest with other values, and a hash that fits them."""
    content = json.loads(WRITTEN) | values
    del content["sha256"]
    return json.dumps(content | {"sha256": manifest._sha256(content)}).encode()


def test_it_reads_back() -> None:
    assert Manifest.parse(WRITTEN.encode()) == MANIFEST
    assert MANIFEST.to_json() == WRITTEN


def test_columns_are_those_of_the_feature_set() -> None:
    assert tuple(column.name for column in MANIFEST.columns) == FEATURES
    arrival = packaged_columns("at_arrival")
    assert tuple(column.name for column in arrival) == FEATURE_SETS["at_arrival"]
    assert {column.known for column in arrival} == {"at_arrival"}


@given(st.integers(0, len(WRITTEN) * 8 - 1))
def test_no_flipped_bit_passes(bit: int) -> None:
    content = bytearray(WRITTEN.encode())
    content[bit // 8] ^= 1 << bit % 8

    try:
        read = Manifest.parse(bytes(content))
    except PackageError:
        return
    assert read == MANIFEST  # white space alone


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not the manifest of a package"),
        (b"[]", "is not the manifest of a package"),
        (b'{"format": 1}', "is not the manifest of a package"),
        (WRITTEN.encode()[:-200], "is not the manifest of a package"),
        (WRITTEN.replace("0.15", "0.25").encode(), "was damaged or edited"),
        (WRITTEN.replace("0.15", "NaN").encode(), "is not the manifest of a package"),
        (changed(format=FORMAT + 1), f"has format {FORMAT + 1}; expected at most {FORMAT}"),
        (changed(threshold="high"), "threshold: Input should be a valid number"),
        (
            changed(files={"model.onnx": {"sha256": "0", "size": 1}}),
            r"files\.model\.onnx\.sha256: String should match",
        ),
        (
            changed(files={"../../setup.py": PackagedFile.of(b"").model_dump()}),
            r"files\.\.\./\.\./setup\.py\.\[key\]: String should match",
        ),
    ],
)
def test_what_is_wrong_is_told(content: bytes, said: str) -> None:
    with pytest.raises(PackageError, match=said):
        Manifest.parse(content)


def test_it_is_json_that_others_read() -> None:
    content = json.loads(WRITTEN)

    assert content["format"] == FORMAT
    assert content["columns"][0]["name"] == "Administrative"
    assert len(content["sha256"]) == 64
