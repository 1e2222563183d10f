"""Columns are renamed and left out as params.yaml says, before anything checks them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from ecom.data import columns
from ecom.data.columns import fit_columns
from ecom.data.parsing import parse_csv
from ecom.data.synthetic import generate_sessions
from ecom.errors import DataError
from ecom.schema import NAMES

SESSIONS = generate_sessions(100, seed=1)
CSV = SESSIONS.to_csv(index=False).encode()


@pytest.fixture(autouse=True, params=[columns.ROWS, 7])
def _rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "ROWS", request.param)


def fitted(
    content: bytes, folder: Path, rename: Mapping[str, str], *, ignore_extra: bool = False
) -> bytes:
    source, target = folder / "source.csv", folder / "target.csv"
    source.write_bytes(content)
    fit_columns(source, target, rename, ignore_extra=ignore_extra)
    return target.read_bytes()


def test_other_names_become_those_of_the_schema(tmp_path: Path) -> None:
    snake = {name.lower(): name for name in NAMES}
    content = SESSIONS.rename(columns={name: f" {theirs}" for theirs, name in snake.items()})

    assert fitted(content.to_csv(index=False).encode(), tmp_path, snake) == CSV


@pytest.mark.parametrize("place", [0, 5, 18])
def test_other_columns_are_left_out(tmp_path: Path, place: int) -> None:
    content = SESSIONS.copy()
    content.insert(place, "session_id", range(100))

    found = fitted(content.to_csv(index=False).encode(), tmp_path, {}, ignore_extra=True)

    assert parse_csv(found).equals(parse_csv(CSV))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CSV, "data.rename names 'page_values', which the file does not have: its columns are"),
        (b"", "not a table"),
        (b"a,b\n1,2,3\n1,2,3,4\n", "not a table"),
        (b"\xff\xfe\xfa", "not a table"),
    ],
)
def test_what_cannot_be_fitted_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        fitted(content, tmp_path, {"page_values": "PageValues"})
