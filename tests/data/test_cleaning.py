"""Cleaning gives types without losing a digit, and drops what repeats an earlier row."""

import io

import numpy as np
import pandas as pd
import pytest

from ecom.data.cleaning import to_types
from ecom.data.parsing import parse_csv
from ecom.data.synthetic import generate_sessions
from ecom.schema import COLUMNS
from generated import cleaned_csv

SESSIONS = generate_sessions(300, seed=1)


def csv() -> bytes:
    return SESSIONS.to_csv(index=False).encode()


@pytest.mark.parametrize("drop", [True, False])
def test_cleaning_drops_duplicates_only_when_told(drop: bool) -> None:
    sessions = cleaned_csv(csv(), drop_duplicates=drop)

    assert len(sessions) == 300 - drop * SESSIONS.duplicated().sum()
    assert set(sessions["Revenue"]) == set(sessions["Weekend"]) == {0, 1}
    assert sessions["Month"].tolist()[:3] == SESSIONS["Month"].tolist()[:3]


def test_numbers_survive_the_way_through_text_exactly() -> None:
    written = io.StringIO()
    sessions = cleaned_csv(csv())
    sessions["PageValues"] = np.random.default_rng(0).lognormal(size=len(sessions))
    sessions.to_csv(written, index=False)

    again = pd.read_csv(io.StringIO(written.getvalue()))

    assert again.equals(sessions.reset_index(drop=True))


def test_every_column_has_the_type_of_the_schema() -> None:
    typed = to_types(parse_csv(csv()))

    for column in COLUMNS:
        kind = typed[column.name].dtype
        expected = {"integer": "int64", "boolean": "int64", "number": "float64"}
        assert column.type == "category" or kind == expected[column.type]


@pytest.mark.parametrize("spelling", ["TRUE", "true", "1"])
def test_a_boolean_may_be_spelled_in_several_ways(spelling: str) -> None:
    spelled = csv().replace(b"True", spelling.encode())

    assert cleaned_csv(spelled, drop_duplicates=False)["Revenue"].sum() == SESSIONS["Revenue"].sum()
