"""Scores and outcomes in real databases: written beside requests, bounded, and read back."""

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sql

from ecom.errors import ServiceError
from ecom.schema import FEATURES, TARGET
from ecom.serving import store as store_module
from ecom.serving.feedback import Scored
from ecom.serving.limits import Keeping
from ecom.serving.store import OUTCOMES, SCORES, Store, open_engine, stored_sessions
from generated import features_and_labels
from servers import postgresql

ALL = Keeping(scores=True)
SESSIONS = features_and_labels()[0].head(10)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgresql() as address:
        yield address


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "store.db")
        return
    found: str = request.getfixturevalue("database")
    yield found
    engine = open_engine(found)
    with engine.begin() as connection:
        connection.execute(sql.delete(SCORES))
        connection.execute(sql.delete(OUTCOMES))
    engine.dispose()


def scored(request_id: str, size: int = 1, at: float | None = None) -> Scored:
    inputs: dict[str, Any] = {
        name: SESSIONS[name]
        .head(size)
        .to_numpy(object if name in ("Month", "VisitorType") else float)
        for name in FEATURES
    }
    return Scored(
        request_id, at or time.time(), "f" * 64, inputs, range(size), [0.25] * size, [True] * size
    )


def written(address: str, *requests: Scored, keeping: Keeping = ALL) -> Store:
    store = Store(address, keeping)
    for each in requests:
        store.keep(each)
    return store


def ids(address: str) -> list[tuple[str, int]]:
    engine = open_engine(address)
    with engine.connect() as connection:
        chosen = sql.select(SCORES.c.request_id, SCORES.c.place).order_by(SCORES.c.id)
        found = [(row.request_id, row.place) for row in connection.execute(chosen)]
    engine.dispose()
    return found


def test_what_was_waiting_is_written_before_the_service_ends(address: str) -> None:
    written(address, scored("a", 3), scored("b")).close()

    assert ids(address) == [("a", 0), ("a", 1), ("a", 2), ("b", 0)]


def test_a_session_is_read_back_as_it_was_scored(address: str) -> None:
    written(address, scored("a", 10)).close()

    (table,) = stored_sessions(address, FEATURES, None)

    for name in FEATURES:
        texts, values = table.column(name).to_pylist(), SESSIONS[name]
        found = texts if name in ("Month", "VisitorType") else [float(text) for text in texts]
        assert found == values.tolist(), name
    assert table.column(TARGET).to_pylist() == [None] * 10


def test_an_outcome_finds_its_session_and_the_last_word_counts(address: str) -> None:
    store = written(address, scored("a", 2), scored("b"))
    store.close()
    store = Store(address, ALL)

    assert store.add_outcome("a", 1, purchase=False)
    assert store.add_outcome("a", 1, purchase=True)
    assert not store.add_outcome("c", 0, purchase=True)
    store.close()

    (table,) = stored_sessions(address, FEATURES, None)
    assert table.column(TARGET).to_pylist() == [None, True, None]


def test_without_scores_outcomes_are_kept_alone(address: str) -> None:
    store = written(address, scored("a"), keeping=Keeping(scores=False))

    assert not store.add_outcome("a", 0, purchase=True)
    store.close()

    assert ids(address) == []


def test_what_is_old_or_too_much_is_forgotten(address: str) -> None:
    old = time.time() - 8 * 86_400
    keeping = Keeping(scores=True, rows=5, days=7)

    written(address, scored("old", at=old), scored("a", 4), keeping=keeping).close()
    assert ids(address) == [("a", 0), ("a", 1), ("a", 2), ("a", 3)]
    written(address, scored("b", 3), keeping=keeping).close()

    assert ids(address) == [("a", 2), ("a", 3), ("b", 0), ("b", 1), ("b", 2)]


def test_outcomes_are_bounded_without_scores_too(address: str) -> None:
    store = Store(address, Keeping(rows=5))
    for number in range(9):
        store.add_outcome(f"r{number}", 0, purchase=True)
    store.close()

    engine = open_engine(address)
    with engine.connect() as connection:
        chosen = sql.select(OUTCOMES.c.request_id).order_by(OUTCOMES.c.at)
        kept = connection.execute(chosen).scalars().all()
    engine.dispose()
    assert kept == ["r4", "r5", "r6", "r7", "r8"]


def test_the_old_is_forgotten_while_nothing_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "FORGETTING", 0.05)
    store = Store(str(tmp_path / "db"), Keeping(days=0.0))
    store.add_outcome("a", 0, purchase=True)

    end = time.monotonic() + 30
    with sqlite3.connect(tmp_path / "db") as connection:
        while connection.execute("SELECT count(*) FROM outcomes").fetchone()[0]:
            assert time.monotonic() < end
            time.sleep(0.05)
    store.close()


def test_a_request_that_is_sent_again_is_kept_once(address: str) -> None:
    written(address, scored("a"), scored("b"), scored("a")).close()

    assert ids(address) == [("a", 0), ("b", 0)]


def test_any_name_of_a_file_is_that_file(tmp_path: Path) -> None:
    Store(str(tmp_path / "q?mark#1.db"), ALL).close()

    assert (tmp_path / "q?mark#1.db").is_file()


def test_a_reader_creates_no_store(tmp_path: Path) -> None:
    (tmp_path / "other.db").touch()

    for name, said in (("typo.db", "there is no store at"), ("other.db", "is no store")):
        with pytest.raises(ServiceError, match=said):
            next(stored_sessions(str(tmp_path / name), FEATURES, None))
    assert not (tmp_path / "typo.db").exists()


def test_days_bound_what_is_read(address: str) -> None:
    written(address, scored("a", at=time.time() - 3 * 86_400), scored("b", 2)).close()

    sizes = {days: sum(map(len, stored_sessions(address, FEATURES, days))) for days in (1, 4, None)}

    assert sizes == {1: 2, 4: 3, None: 3}


def test_sessions_of_a_model_with_fewer_columns_are_passed_over(tmp_path: Path) -> None:
    other = scored("a")
    held = {name: values for name, values in other.inputs.items() if name != "PageValues"}
    written(str(tmp_path / "db"), other._replace(inputs=held), scored("b")).close()

    (table,) = stored_sessions(str(tmp_path / "db"), FEATURES, None)

    assert len(table) == 1


def test_scores_that_cannot_be_written_are_counted_and_cost_nothing_else(tmp_path: Path) -> None:
    lost: list[int] = []
    store = Store(str(tmp_path / "db"), ALL, lost.append)
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("DROP TABLE scores")

    store.keep(scored("a", 3))
    store.close()

    assert lost == [3]


def test_an_outcome_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "db"), ALL)
    with sqlite3.connect(tmp_path / "db") as connection:
        connection.execute("DROP TABLE outcomes")

    with pytest.raises(ServiceError, match="could not be kept: OperationalError: no such table"):
        store.add_outcome("a", 0, purchase=True)
    store.close()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/no/such/folder/store.db", "cannot be opened: OperationalError: unable to open"),
        ("mysql://host/name", "mysql is no store; expected SQLite or PostgreSQL"),
        ("nonsense://", "nonsense is no store"),
        ("", "the store has no address"),
        ("postgresql://u@h:notaport/x", "has no address that can be read"),
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be opened: OperationalError"),
    ],
)
def test_what_is_no_store_is_refused(address: str, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        Store(address, ALL)


def test_nothing_but_columns_answer_id_and_time_is_kept(tmp_path: Path) -> None:
    written(str(tmp_path / "db"), scored("a")).close()

    with sqlite3.connect(tmp_path / "db") as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(scores)")]
        (session,) = connection.execute("SELECT session FROM scores").fetchone()
    assert names == [
        "id",
        "request_id",
        "place",
        "at",
        "model",
        "probability",
        "flagged",
        "session",
    ]
    assert set(json.loads(session)) == set(FEATURES)
    assert np.isfinite(json.loads(session)["PageValues"])
