"""What may not be answered is refused in time, with what to do; no trace of a fault gets out."""

import asyncio
import http.client
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ecom.errors import ServiceError
from ecom.serving.guard import Guard, Keys, Refused
from ecom.serving.limits import Limits
from ecom.serving.service import Service
from generated import rows
from service import Served, finished, served

ROW = rows(1)[0]


def asked(
    service: Service, app: Callable[..., Awaitable[None]], path: str = "/predict", **headers: str
) -> tuple[int, dict[str, str], Any]:
    """Send a request without a body through the guard."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    given = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    scope = {"type": "http", "method": "POST", "path": path, "headers": given}
    finished(Guard(app, service, Keys("user", "boss"))(scope, receive, send))  # type: ignore[arg-type]
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, json.loads(sent[1]["body"])


@pytest.fixture
def quick(folder: Path) -> Service:
    return Service(folder, Limits(seconds=0.2, concurrency=2))


def test_a_fault_is_logged_by_its_place_and_told_without_it(
    quick: Service, caplog: pytest.LogCaptureFixture
) -> None:
    async def faulty(*_: Any) -> None:
        raise RuntimeError("PageValues=12345")

    with caplog.at_level(logging.INFO):
        status, _, content = asked(quick, faulty, authorization="Bearer user")

    assert status == 500
    assert content["detail"] == "a fault of the service, which its log describes"
    fault = next(record for record in caplog.records if record.message == "fault")
    assert fault.error == "RuntimeError"  # type: ignore[attr-defined]
    assert "faulty" in fault.trace[-1]  # type: ignore[attr-defined]
    assert "12345" not in caplog.text + json.dumps(content)


def test_what_takes_too_long_is_given_up(quick: Service) -> None:
    async def endless(*_: Any) -> None:
        await asyncio.sleep(60)

    status, headers, content = asked(quick, endless, authorization="Bearer user")

    assert (status, headers["retry-after"]) == (503, "1")
    assert content["detail"] == "no answer within 0.2 s: try again"


def test_too_many_requests_at_a_time_are_turned_away_but_health_is_told(quick: Service) -> None:
    async def crowd() -> list[int]:
        release = asyncio.Event()
        statuses: list[int] = []

        async def app(_: Any, __: Any, send: Any) -> None:
            await release.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        guard = Guard(app, quick, Keys())

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        def request(path: str) -> "asyncio.Task[None]":
            scope = {"type": "http", "method": "GET", "path": path, "headers": []}
            return asyncio.create_task(guard(scope, receive, send))

        tasks = [request("/predict") for _ in range(3)] + [request("/health/live")]
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*tasks)
        return statuses

    assert sorted(finished(crowd())) == [200, 200, 200, 503]


@pytest.mark.parametrize(
    ("path", "given", "status"),
    [
        ("/predict", {}, 401),
        ("/predict", {"authorization": "Bearer boss"}, 401),
        ("/predict", {"authorization": "Bearer usér"}, 401),
        ("/predict", {"authorization": "Bearer user"}, 204),
        ("/predict", {"authorization": "bearer user"}, 204),
        ("/predict", {"authorization": "Basic user"}, 401),
        ("/admin/reload", {"authorization": "Bearer user"}, 401),
        ("/admin/reload", {"authorization": "Bearer boss"}, 204),
        ("/metrics", {}, 401),
        ("/health/ready", {}, 204),
        ("/", {}, 204),
    ],
)
def test_keys_open_what_they_are_for(
    quick: Service, path: str, given: dict[str, str], status: int
) -> None:
    async def app(*_: Any) -> None:
        raise Refused(204, "let in")

    assert asked(quick, app, path, **given)[0] == status


@pytest.mark.parametrize("given", [{"api": ""}, {"admin": " "}])
def test_a_key_that_is_set_and_empty_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ServiceError, match="is set, but empty: give it a key, or unset it"):
        Keys(**given)


@pytest.mark.parametrize("length", ["0" * 5000, "0" * 5000 + "7", "9" * 5000])
def test_the_length_of_a_body_may_be_any_digits(quick: Service, length: str) -> None:
    async def app(*_: Any) -> None:
        raise Refused(204, "let in")

    status, _, _ = asked(quick, app, authorization="Bearer user", content_length=length)

    assert status == (413 if length.startswith("9") else 204)


@pytest.mark.parametrize(
    ("given", "taken"),
    [("cart-17", True), ("a" * 65, False), ("a b", False), ('"}\n{', False), ("", False)],
)
def test_an_id_is_taken_over_if_it_is_plain(quick: Service, given: str, taken: bool) -> None:
    async def app(*_: Any) -> None:
        raise Refused(409, "answered")

    _, headers, content = asked(quick, app, authorization="Bearer user", x_request_id=given)

    assert (headers["x-request-id"] == given) is taken
    assert content["request_id"] == headers["x-request-id"]


def test_while_draining_each_answer_ends_its_connection(quick: Service) -> None:
    async def app(*_: Any) -> None:
        raise Refused(409, "answered")

    assert "connection" not in asked(quick, app, authorization="Bearer user")[1]
    quick.draining = True
    assert asked(quick, app, authorization="Bearer user")[1]["connection"] == "close"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_body_is_refused_whether_or_not_it_says_how_long_it_is(
    service: Served, *, chunked: bool
) -> None:
    body = iter([b" " * 20_000] * 20) if chunked else b" " * 400_000
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    headers = {"Content-Type": "application/json"}

    connection.request("POST", "/predict", body, headers, encode_chunked=chunked)
    reply = connection.getresponse()

    assert reply.status == 413
    assert "at most 100,000 bytes" in json.loads(reply.read())["detail"]
    connection.request("GET", "/health/live")  # what was left of the body is no request
    assert connection.getresponse().status == 200
    connection.close()


def test_a_body_that_does_not_come_is_not_waited_for(service: Served) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as client:
        client.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"Month":'
        )
        answer = b"".join(iter(lambda: client.recv(10_000), b"")).decode()

    assert answer.startswith("HTTP/1.1 408 ")
    assert "the request did not come within 2 s" in answer


def test_the_log_has_a_line_for_each_request_and_no_session(service: Served) -> None:
    service.post("/predict", ROW | {"Month": "Brumaire"}, X_Request_ID="seen-1")
    service.post("/predict", ROW | {"Month": 4711}, X_Request_ID="seen-2")
    service.get("/no/such/page?PageValues=4711", X_Request_ID="seen-3")

    lines = [service.event(request_id=f"seen-{number}") for number in (1, 2, 3)]
    assert [line["event"] for line in lines] == ["request"] * 3
    assert [line["route"] for line in lines] == ["/predict", "/predict", "none"]
    assert [line["status"] for line in lines] == [200, 422, 404]
    text = service.log.read_text(encoding="utf-8")
    assert "Brumaire" not in text
    assert "4711" not in text


def test_without_its_key_the_package_cannot_be_replaced_by_request(
    folder: Path, tmp_path: Path
) -> None:
    with served(folder, tmp_path / "log", ECOM_API_KEY="user") as locked:
        refused = locked.post("/admin/reload", None, Authorization="Bearer user")
        assert refused.status == 403
        assert "SIGHUP" in refused.json["detail"]
        assert locked.post("/predict", ROW).status == 401
        assert locked.post("/predict", ROW, Authorization="Bearer user").status == 200
        document = locked.get("/openapi.json").json
        assert document["paths"]["/predict"]["post"]["security"] == [{"api": []}]
