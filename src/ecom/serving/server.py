"""The process: one loop, its signals, and a log of JSON lines."""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from math import ceil
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ecom.errors import PackageError, ServiceError
from ecom.serving.app import make_app
from ecom.serving.guard import Keys
from ecom.serving.limits import KEEPING, Keeping, Limits
from ecom.serving.monitoring import Monitoring
from ecom.serving.service import Service

if TYPE_CHECKING:
    from ecom.serving.store import Store

log = logging.getLogger("ecom.serving")

LAST_LOOK: Final = 0.1  # seconds in which connections without a request may still send one
LONGEST_HEAD: Final = 32_768  # bytes of a request's first line and headers
OVERHEAD: Final = 32  # bytes that each header is counted for beyond its own
BACKLOG: Final = 2048  # connections that the system holds until they are taken
# What a record has of itself; the rest was given to it.
_OWN: Final = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}


def serve(  # noqa: PLR0913  each is a choice of its own
    package: Path,
    host: str,
    port: int,
    limits: Limits,
    keys: Keys,
    *,
    store: str | None = None,
    keeping: Keeping = KEEPING,
) -> None:
    """Answer requests until SIGTERM or SIGINT.

    Parameters
    ----------
    package
        Folder of the package. SIGHUP reads it again.
    host, port
        Where to listen; port 0 takes a free one, which the log names.
    limits, keys
        See `ecom.serving.service.Service` and `ecom.serving.guard.Guard`.
    store, keeping
        Where outcomes and scores are kept, and how much; without an address, none are.

    Raises
    ------
    PackageError
        The package is not what it was when it was made.
    ServiceError
        The address cannot be listened on, or the store cannot be opened.
    """
    begun = time.perf_counter()
    _log_as_json()
    opened = None
    if store is not None:
        opened = partial(_open_store, store, keeping)
    service = Service(package, limits, opened)
    with _listening(host, port) as listener:
        config = uvicorn.Config(
            make_app(service, keys),
            http=partial(_Impatient, limits),  # type: ignore[arg-type]  # called like a class
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=ceil(limits.seconds),
            timeout_graceful_shutdown=ceil(limits.seconds) + 1,
        )
        listener.setblocking(False)
        address, bound = listener.getsockname()[:2]
        log.info(
            "ready",
            extra={
                "url": f"http://{f'[{address}]' if ':' in address else address}:{bound}",
                "model": service.version,
                "pid": os.getpid(),
                "seconds": round(time.perf_counter() - begun, 3),
            },
        )
        _Server(config, service).run(sockets=[listener])


def _open_store(address: str, keeping: Keeping, monitoring: Monitoring) -> "Store":
    from ecom.serving.store import Store

    return Store(address, keeping, monitoring.lost.inc)


class _Server(uvicorn.Server):
    """Takes requests a while longer after SIGTERM, each on the last of its connection."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        if hasattr(signal, "SIGHUP"):
            self._loop.add_signal_handler(signal.SIGHUP, self._start, self._reload)
        await super().serve(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take who waits at the door, close it, and read what was sent until then.

        uvicorn closes at once: connections that the system holds for it are reset, and so are those
        whose request it has not read.
        """
        waiting = [taken for listener in sockets or () for taken in _waiting(listener)]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for taken in waiting:
            await loop.connect_accepted_socket(self._connection, taken)
        await asyncio.sleep(LAST_LOOK)
        await super().shutdown(sockets)
        if self._service.store is not None:
            # Here, and not after `run`: it ends by the signal that it was sent.
            await asyncio.to_thread(self._service.store.close)
        log.info("stopped")

    def _connection(self) -> asyncio.Protocol:
        make: Callable[..., asyncio.Protocol] = self.config.http_protocol_class
        state = {"server_state": self.server_state, "app_state": self.lifespan.state}
        return make(config=self.config, **state)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is None or self._service.draining or sig == signal.SIGINT:
            super().handle_exit(sig, frame)
        else:
            self._loop.call_soon_threadsafe(self._drain, super().handle_exit, sig)

    def _drain(self, leave: Callable[[int, None], None], sig: int) -> None:
        seconds = self._service.limits.drain
        self._service.draining = True
        log.info("draining", extra={"limit": seconds})
        asyncio.get_running_loop().call_later(seconds, leave, sig, None)

    def _start(self, work: Callable[[], Any]) -> None:
        task = asyncio.ensure_future(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload(self) -> None:
        with suppress(PackageError):  # which is logged
            await self._service.reload()


class _Impatient(HttpToolsProtocol):
    """Waits for nobody longer than the limits say.

    uvicorn ends connections that are idle between requests, but waits for ever for the head of a
    request, for the rest of a body that was refused, and for a client to read its answer.
    """

    def __init__(self, limits: Limits, **given: Any) -> None:
        super().__init__(**given)
        self._limits = limits
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._head = 0  # bytes of the head that is coming

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_request()
        if len(self.connections) > self._limits.connections:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        self._forget_reader()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._expect_request()

    def on_url(self, url: bytes) -> None:
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(name, value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._expect_nothing()  # the guard has a limit for the rest
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        refused = not self.pipeline and self.cycle.more_body  # before all of its body came
        super().on_response_complete()
        if refused:
            self._expect_request()
        if self.transport.is_closing():
            self._expect_reader()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._expect_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reader()

    def resume_writing(self) -> None:
        self._forget_reader()
        super().resume_writing()

    def _count(self, *parts: bytes) -> None:
        """Refuse a head that is too long: the parser answers an error with 400, and hangs up."""
        self._head += sum(map(len, parts)) + OVERHEAD
        if self._head > LONGEST_HEAD:
            raise ValueError("the head of the request is too long")

    def _expect_request(self) -> None:
        self._expect_nothing()
        self._reading = self.loop.call_later(self._limits.seconds, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _forget_reader(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def _expect_reader(self) -> None:
        if self._writing is None:
            self._writing = self.loop.call_later(self._limits.seconds, self.transport.abort)


def _waiting(listener: socket.socket) -> Iterator[socket.socket]:
    """Yield the connections that the system holds for a listener."""
    with suppress(BlockingIOError):
        while True:
            yield listener.accept()[0]


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else str(error)
        raise ServiceError(
            f"cannot listen on {host}:{port} ({reason}): name another address with --host and "
            "--port"
        ) from None


def _log_as_json() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Json())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a log that nobody reads any more must not stop the service


class _Json(logging.Formatter):
    """One object a line: time, level, event, and what was given to the record."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        given = {name: value for name, value in vars(record).items() if name not in _OWN}
        error = (
            {"error": record.exc_info[0].__name__} if record.exc_info and record.exc_info[0] else {}
        )
        line = {
            "time": f"{moment}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        return json.dumps({**line, **given, **error}, default=str)
