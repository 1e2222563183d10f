"""Outcomes come back to the service, and what it kept can be watched for drift."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.serving.feedback import Feedback, read_feedback
from ecom.serving.sessions import BadInput
from generated import rows
from packaged import written
from service import Served, served

ROWS = rows(40)


@pytest.fixture(scope="module")
def package(made: tuple[Any, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(made[1], tmp_path_factory.mktemp("feedback") / "package")


@pytest.fixture(scope="module")
def keeping(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("keeping")
    store = ("--store", str(folder / "store.db"), "--log-scores")
    with served(package, folder / "log", *store) as running:
        yield running


def test_an_outcome_is_kept_beside_its_score(keeping: Served) -> None:
    answer = keeping.post("/predict", ROWS[0], X_Request_Id="order-7").json
    keeping.post("/predict/batch", {"sessions": ROWS[:3]}, X_Request_Id="batch-1")

    replies = [
        keeping.post("/feedback", {"request_id": answer["request_id"], "outcome": True}),
        keeping.post("/feedback", {"request_id": "batch-1", "outcome": False, "row": 2}),
        keeping.post("/feedback", {"request_id": "nobody", "outcome": False}),
    ]

    assert [reply.status for reply in replies] == [200, 200, 200]
    assert answer["request_id"] == "order-7"
    # A score is written within about a second: it may not be there yet.
    assert replies[2].json == {"request_id": "nobody", "row": 0, "outcome": False, "known": False}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"request_id": "a"},
        {"request_id": "a", "outcome": "yes"},
        {"request_id": "a b", "outcome": True},
        {"request_id": "a" * 65, "outcome": True},
        {"request_id": "a\n", "outcome": True},
        {"request_id": "a", "outcome": True, "row": -1},
        {"request_id": "a", "outcome": True, "email": "x@example.org"},
    ],
)
def test_what_is_no_outcome_is_refused(keeping: Served, body: Any) -> None:
    reply = keeping.post("/feedback", body)

    assert reply.status == 422
    assert "an object such as" in reply.json["problems"][0]["rule"]


def test_a_service_without_a_store_says_so(service: Served) -> None:
    reply = service.post("/feedback", {"request_id": "a", "outcome": True})

    assert reply.status == 404
    assert "start it with --store" in reply.json["detail"]


@pytest.mark.slow
def test_what_a_service_kept_can_be_watched(package: Path, tmp_path: Path) -> None:
    store = str(tmp_path / "store.db")
    with served(
        package, tmp_path / "log", "--store", store, "--log-scores", "--drain", "3"
    ) as running:
        for number, session in enumerate(ROWS[:20]):
            running.post("/predict", session, X_Request_Id=f"r{number}")
        running.process.send_signal(signal.SIGTERM)
        # While it drains, it still answers: these scores wait for no second.
        for number, session in enumerate(ROWS[20:]):
            assert running.post("/predict", session, X_Request_Id=f"d{number}").status == 200
        running.process.wait(30)

    done = subprocess.run(
        [
            *(sys.executable, "-m", "ecom", "drift", str(package), "--from-store", store),
            *("--output", str(tmp_path / "drift")),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode in (0, 1), done.stderr
    found = json.loads((tmp_path / "drift" / "drift.json").read_text())
    assert found["sessions"][1] == len(ROWS)
    assert found["outcomes"][1] == 0


@given(st.text("abcXYZ019_.:-", min_size=1, max_size=64), st.booleans(), st.integers(0, 1_000_000))
def test_an_outcome_is_read_as_it_was_sent(request_id: str, outcome: bool, row: int) -> None:
    sent = Feedback(request_id, outcome, row)

    assert read_feedback(msgspec.json.encode(sent)) == sent


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read_feedback(body)
    except BadInput as bad:
        assert len(bad.problems) == 1  # noqa: PT017  most bytes are refused, not all
