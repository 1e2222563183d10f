"""Over HTTP the package answers as it does in the process, and says what is wrong otherwise."""

from typing import Any

import numpy as np
import pytest

from ecom.digits import round_scores
from generated import features_and_labels, rows
from service import Served

SESSIONS = features_and_labels()[0].head(60)
ROWS = rows(60)


def test_a_session_is_answered_as_by_the_model(service: Served, made: tuple[Any, Any]) -> None:
    expected = round_scores(made[0].predict_proba(SESSIONS)[:, 1])

    for row, probability in zip(ROWS[:20], expected[:20], strict=True):
        reply = service.post("/predict", row)

        assert reply.status == 200
        assert reply.json["probability"] == pytest.approx(probability, rel=0, abs=1e-12)
        assert reply.json["flagged"] == (probability >= 0.15)
        assert (reply.json["threshold"], len(reply.json["model"])) == (0.15, 64)
        assert reply.json["request_id"] == reply.headers["x-request-id"]


def test_a_batch_is_answered_in_order_beside_its_bad_rows(service: Served) -> None:
    alone = [service.post("/predict", row).json["probability"] for row in ROWS[:3]]

    reply = service.post("/predict/batch", {"sessions": [*ROWS[:2], {"Month": 1}, ROWS[2]]})

    assert reply.status == 200
    given = reply.json["answers"]
    assert [given[place]["probability"] for place in (0, 1, 3)] == alone
    assert given[2] is None
    assert {problem["row"] for problem in reply.json["problems"]} == {2}
    assert {"field": "Month", "row": 2, "value": "1"}.items() <= next(
        problem for problem in reply.json["problems"] if problem["field"] == "Month"
    ).items()


def test_reasons_add_up_to_the_log_odds(service: Served, made: tuple[Any, Any]) -> None:
    odds = made[0].decision_function(SESSIONS)

    for row, expected in zip(ROWS[:20], odds[:20], strict=True):
        found = service.post("/explain", row).json

        assert list(found["contributions"]) == list(SESSIONS)
        total = found["base"] + sum(found["contributions"].values())
        assert total == pytest.approx(found["log_odds"], rel=0, abs=1e-12)
        assert found["log_odds"] == pytest.approx(expected, rel=0, abs=1e-12)
        assert found["probability"] == service.post("/predict", row).json["probability"]


def test_bad_input_is_named_by_field_rule_and_value(service: Served) -> None:
    reply = service.post("/predict", ROWS[0] | {"PageValues": "12", "Weekend": float("nan")})

    assert reply.status == 422
    assert reply.json["problems"] == [
        {
            "field": "PageValues",
            "rule": "a number from 0 to 1,000,000,000",
            "value": '"12"',
        },
        {"field": "Weekend", "rule": "true or false", "value": "NaN"},
    ]


def test_the_model_says_what_it_is(service: Served) -> None:
    found = service.get("/model").json

    assert found["manifest"]["threshold"] == 0.15
    assert found["version"] == service.post("/predict", ROWS[0]).json["model"]
    assert next(iter(found["examples"])) == "a typical session"
    assert (
        found["thresholds"][0].items() >= {"threshold": 0, "recall": 1, "flagged_rate": 1}.items()
    )


def test_what_is_asked_in_another_way_is_refused_with_what_to_do(service: Served) -> None:
    def refusal(path: str, body: bytes | None, **headers: str) -> tuple[int, str]:
        reply = service.send(path, body, **headers)
        return reply.status, reply.json["detail"]

    assert refusal("/nowhere", None)[0] == 404
    assert refusal("/predict", None)[0] == 405
    status, detail = refusal("/predict", b"{}", Content_Type="text/plain")
    assert (status, detail) == (
        415,
        "send JSON, with the header `Content-Type: application/json`",
    )
    assert refusal("/predict", b"{}", Content_Encoding="gzip")[0] == 415
    assert refusal("/predict", b" " * 65_537) == (413, "the body must have at most 65,536 bytes")
    assert refusal("/health/live/", None)[0] == 404  # no redirect, which would trust its Host


def test_health_and_counts(service: Served) -> None:
    service.post("/predict", ROWS[0])

    assert service.get("/health/live").json == {"status": "live"}
    assert service.get("/health/ready").json == {"status": "ready"}
    counts = service.get("/metrics").body.decode()
    assert 'ecom_requests_total{route="/predict",status="200"}' in counts
    assert f'ecom_model_info{{version="{service.get("/model").json["version"]}"}} 1.0' in counts


def test_the_page_may_load_nothing_from_elsewhere(service: Served) -> None:
    for path in ("/", "/page.css", "/page.js"):
        reply = service.get(path)

        assert reply.status == 200
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert b"//" not in reply.body.replace(b"\n// ", b"").replace(b"; // ", b"; ")


def test_scores_of_a_batch_are_those_of_the_model(service: Served, made: tuple[Any, Any]) -> None:
    reply = service.post("/predict/batch", {"sessions": ROWS})

    found = [answer["probability"] for answer in reply.json["answers"]]
    expected = round_scores(made[0].predict_proba(SESSIONS)[:, 1])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
