"""What stands before the service: limits, keys, request ids, a line in the log for each request."""

import asyncio
import hmac
import logging
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect, Request

from ecom.errors import ServiceError
from ecom.serving.answers import ProtocolError, Refusal
from ecom.serving.service import Service
from ecom.serving.sessions import BadInput, Problem

log = logging.getLogger("ecom.serving")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

REQUEST_ID: Final = re.compile(r"[\w.:-]{1,64}", re.ASCII)
OPEN: Final = frozenset({"/", "/page.css", "/page.js", "/openapi.json"})
HEALTH: Final = ("/health/", "/v2/health/")  # answered whatever else is going on
ADMIN: Final = "/admin/"
GONE: Final = 499  # as nginx calls it: nobody is there to be answered
LATE: Final = 408  # the status of a request that did not come
PROTOCOL: Final = "/v2"  # which has refusals of its own form
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)


@dataclass(frozen=True)
class Keys:
    """Who may ask.

    Attributes
    ----------
    api
        What requests must bring; None lets everybody ask.
    admin
        What requests to replace the package must bring; None refuses them all.
    """

    api: str | None = None
    admin: str | None = None

    def __post_init__(self) -> None:
        """Refuse keys that keep nobody out.

        Raises
        ------
        ServiceError
            A key is set, and empty.
        """
        for name, key in (("ECOM_API_KEY", self.api), ("ECOM_ADMIN_KEY", self.admin)):
            if key is not None and not key.strip():
                raise ServiceError(f"{name} is set, but empty: give it a key, or unset it")


class Refused(Exception):  # noqa: N818  an answer, not a fault
    """A request that is not answered.

    Parameters
    ----------
    status
        Status code of HTTP.
    detail
        What to do.
    headers
        Headers that the answer has besides the usual ones.
    """

    def __init__(self, status: int, detail: str, *headers: tuple[bytes, bytes]) -> None:
        self.status, self.detail, self.headers = status, detail, headers


class Guard:
    """Passes on what may be answered (ASGI 3).

    Parameters
    ----------
    app
        What answers. It finds the id of a request in ``scope["state"]["request_id"]``, and the body
        through ``receive``, which raises `Refused` once it is too long.
    service
        Whose limits are held, and which counts.
    keys
        Who may ask.
    """

    def __init__(self, app: App, service: Service, keys: Keys) -> None:
        self._app, self._service, self._keys = app, service, keys
        self._answering = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        request = _Request(scope["path"], headers, self._service, receive, send)
        scope.setdefault("state", {})["request_id"] = request.id
        try:
            self._admit(scope["path"], headers)
            self._answering += 1
            try:
                async with asyncio.timeout(self._service.limits.seconds):
                    await self._app(scope, request.receive, request.send)
            finally:
                self._answering -= 1
        except Refused as refused:
            await request.refuse(refused)
        except BadInput as bad:
            self._service.monitoring.refused.inc()
            await request.refuse(Refused(422, "correct the problems"), bad.problems)
        except ClientDisconnect:
            request.status = GONE
        except TimeoutError:
            if request.status:  # nobody reads the answer: the server hangs up
                request.status = GONE
            else:
                await request.refuse(_late(self._service.limits.seconds, complete=request.complete))
        except Exception as error:  # noqa: BLE001  no trace of a fault leaves the process
            log.error(  # noqa: TRY400  the trace is given without values
                "fault", extra={"request_id": request.id, **_place(error)}
            )
            await request.refuse(Refused(500, "a fault of the service, which its log describes"))
        finally:
            self._report(scope, request)

    def _admit(self, path: str, headers: dict[bytes, bytes]) -> None:
        """Raise `Refused` unless the request may be answered."""
        if path.startswith(HEALTH):
            return
        limits = self._service.limits
        if self._answering >= limits.concurrency:
            detail = f"{limits.concurrency} requests are being answered: try again in a second"
            raise Refused(503, detail, (b"retry-after", b"1"))
        length = headers.get(b"content-length", b"").lstrip(b"0")
        if len(length) > len(str(limits.body)) or int(length or b"0") > limits.body:
            raise _too_long(limits.body)
        if path in OPEN:
            return
        admin = path.startswith(ADMIN)
        key = self._keys.admin if admin else self._keys.api
        if admin and key is None:
            raise Refused(403, "set ECOM_ADMIN_KEY where the service starts, or send it SIGHUP")
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        right = key is None or hmac.compare_digest(given, key.encode())
        if not right or (key is not None and scheme.lower() != b"bearer"):
            detail = (
                "send the header `Authorization: Bearer KEY` with the key that the service has in "
                f"{'ECOM_ADMIN_KEY' if admin else 'ECOM_API_KEY'}"
            )
            raise Refused(401, detail, (b"www-authenticate", b"Bearer"))

    def _report(self, scope: MutableMapping[str, Any], request: "_Request") -> None:
        route = getattr(scope.get("route"), "path", "none")
        seconds = time.perf_counter() - request.begun
        self._service.monitoring.requests.labels(route, request.status).inc()
        self._service.monitoring.seconds.labels(route).observe(seconds)
        log.info(
            "request",
            extra={
                "request_id": request.id,
                "method": scope["method"],
                "route": route,
                "status": request.status,
                "ms": round(seconds * 1000, 3),
            },
        )


class _Request:
    """A request on its way: its id, how much of it came, what was answered."""

    def __init__(
        self,
        path: str,
        headers: dict[bytes, bytes],
        service: Service,
        receive: Receive,
        send: Send,
    ) -> None:
        self.id, self._path, self._service = _request_id(headers), path, service
        self._receive, self._send = receive, send
        self.begun = time.perf_counter()
        self.status = 0
        self.complete = headers.keys().isdisjoint({b"content-length", b"transfer-encoding"})
        self._closes = False
        self._bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        if self._bytes > self._service.limits.body:
            raise _too_long(self._service.limits.body)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = [*HEADERS, (b"x-request-id", self.id.encode())]
            if self._service.draining or self._closes:
                own.append((b"connection", b"close"))
            message["headers"] = [*message["headers"], *own]
        await self._send(message)

    async def refuse(self, refused: Refused, problems: Sequence[Problem] = ()) -> None:
        """Answer why there is no answer; end the connection if one is under way."""
        if self.status:
            raise ConnectionAbortedError
        if self._path.startswith(PROTOCOL):
            told = "; ".join([refused.detail, *map(str, problems)])
            body = msgspec.json.encode(ProtocolError(told))
        else:
            body = msgspec.json.encode(Refusal(refused.detail, self.id, problems))
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *refused.headers,
        ]
        self._closes = refused.status == LATE  # what else comes is not waited for
        await self.send(
            {"type": "http.response.start", "status": refused.status, "headers": headers}
        )
        await self.send({"type": "http.response.body", "body": body})


async def json_body(request: Request, limit: int | None = None) -> bytes:
    """Return the body of a request, of at most `limit` bytes if that is less than the service's.

    Raises
    ------
    Refused
        It says that it is something else than JSON, is encoded, or too long.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("", "application/json"):
        raise Refused(415, "send JSON, with the header `Content-Type: application/json`")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, "send the body as it is, without Content-Encoding")
    body = await request.body()
    if limit is not None and len(body) > limit:
        raise _too_long(limit)
    return body


def _request_id(headers: dict[bytes, bytes]) -> str:
    """Return the id that the request brings, if it is a plain one, or a new one."""
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _too_long(limit: int) -> Refused:
    return Refused(413, f"the body must have at most {limit:,} bytes")


def _late(seconds: float, *, complete: bool) -> Refused:
    if complete:
        return Refused(503, f"no answer within {seconds:g} s: try again", (b"retry-after", b"1"))
    return Refused(LATE, f"the request did not come within {seconds:g} s")


def _place(error: Exception) -> dict[str, Any]:
    """Return where an error was raised, without its message, which may quote a session."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "trace": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
