"""The service in a process of its own, and what a client sees of it."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar

from servers import SECONDS, free_port, running

T = TypeVar("T")


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, in a thread: the browser of other tests has a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A service that runs."""

    url: str
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    def get(self, path: str, **headers: str) -> Reply:
        return self.send(path, None, **headers)

    def post(self, path: str, content: Any, **headers: str) -> Reply:
        return self.send(path, json.dumps(content).encode(), **headers)

    def post_each(self, path: str, contents: Iterable[Any]) -> Iterator[Any]:
        """Send one request after the other over one connection; yield the answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        with closing(connection):
            for content in contents:
                headers = {"Content-Type": "application/json"}
                connection.request("POST", path, json.dumps(content), headers)
                reply = connection.getresponse()
                assert reply.status == 200
                yield json.loads(reply.read())

    def send(self, path: str, body: bytes | None, **headers: str) -> Reply:
        """Send a request; names of headers have _ for -."""
        given = {"Content-Type": "application/json"} if body is not None else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, body, given)  # noqa: S310  loopback
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310
                return Reply(reply.status, dict(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, dict(error.headers), error.read())

    def event(self, **wanted: Any) -> dict[str, Any]:
        """Return the first line of the log with these values, as soon as it is there."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for line in self.log.read_text(encoding="utf-8").splitlines(keepends=True):
                if line.endswith("\n") and wanted.items() <= (found := json.loads(line)).items():
                    return found  # type: ignore[no-any-return]
            time.sleep(0.02)
        raise AssertionError(f"no {wanted} in {self.log.read_text(encoding='utf-8')}")


@contextmanager
def served(package: Path, log: Path, *options: str, **variables: str) -> Iterator[Served]:
    """Serve a package until the block ends."""
    port = free_port()
    command = (sys.executable, "-m", "ecom", "serve", "--package", str(package))
    ready = f"http://127.0.0.1:{port}/health/ready"
    with running(
        *command, "--port", str(port), *options, ready=ready, log=log, **variables
    ) as process:
        yield Served(f"http://127.0.0.1:{port}", port, process, log)
