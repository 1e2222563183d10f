"""Columns are renamed and left out as params.yaml says, before anything checks them."""

import pytest

from ecom.data.columns import fit_columns
from ecom.data.parsing import parse_csv
from ecom.data.synthetic import generate_sessions
from ecom.errors import DataError
from ecom.schema import NAMES

SESSIONS = generate_sessions(100, seed=1)
CSV = SESSIONS.to_csv(index=False).encode()


def test_without_a_setting_the_content_stays_as_it_is() -> None:
    assert fit_columns(b"not even a table", {}, ignore_extra=False) == b"not even a table"


def test_other_names_become_those_of_the_schema() -> None:
    snake = {name.lower(): name for name in NAMES}
    content = SESSIONS.rename(columns={name: f" {theirs}" for theirs, name in snake.items()})

    fitted = fit_columns(content.to_csv(index=False).encode(), snake, ignore_extra=False)

    assert fitted == CSV


@pytest.mark.parametrize("place", [0, 5, 18])
def test_other_columns_are_left_out(place: int) -> None:
    content = SESSIONS.copy()
    content.insert(place, "session_id", range(100))

    fitted = fit_columns(content.to_csv(index=False).encode(), {}, ignore_extra=True)

    assert parse_csv(fitted).equals(parse_csv(CSV))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CSV, "data.rename names 'page_values', which the file does not have: its columns are"),
        (b"", "not a table"),
        (b"a,b\n1,2,3\n1,2,3,4\n", "not a table"),
        (b"\xff\xfe\xfa", "not a table"),
    ],
)
def test_what_cannot_be_fitted_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        fit_columns(content, {"page_values": "PageValues"}, ignore_extra=False)
