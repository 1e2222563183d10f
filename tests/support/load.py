"""Clients at full load, well behaved and not, until the service leaves."""

import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress

JSON = {"Content-Type": "application/json"}
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
# What never becomes a whole request, or whose answers are never read.
DISTURBANCES = (
    b"",
    HEAD,
    HEAD + b"Content-Length: 500\r\n\r\n{",
    b"\x16\x03\x01\x00\xff" * 40,
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
)
PATIENCE = 60  # seconds
HELD = 50  # connections of each that disturbs


class Clients:
    """What asks a service, and what came of it.

    Parameters
    ----------
    port
        On loopback.
    bodies
        Sessions as JSON.
    """

    def __init__(self, port: int, bodies: Sequence[bytes]) -> None:
        self.port, self.bodies = port, bodies
        self.came = Counter[str]()
        self._left = threading.Event()

    @contextmanager
    def at_work(self, asking: int, disturbing: int) -> Iterator[None]:
        """Ask and disturb while the block runs, and on until the service leaves.

        Raises what a client raises: for one, a request that was sent and not answered.
        """
        with ThreadPoolExecutor(asking + disturbing) as pool:
            work = [pool.submit(self._ask, random.Random(n)) for n in range(asking)]  # noqa: S311
            work += [pool.submit(self._disturb, random.Random(n)) for n in range(disturbing)]  # noqa: S311
            try:
                yield
            finally:
                wait(work, timeout=PATIENCE, return_when=FIRST_EXCEPTION)
                self._left.set()
            for each in work:
                each.result(timeout=PATIENCE)

    def _ask(self, draw: random.Random) -> None:
        while not self._left.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.connect()
            except ConnectionRefusedError:
                self._left.set()
                return
            while self._answered(connection, draw):
                pass
            connection.close()

    def _answered(self, connection: http.client.HTTPConnection, draw: random.Random) -> bool:
        """Send a request and read the answer; tell whether another may follow."""
        if draw.random() < 0.02:
            rows = b",".join(draw.choices(self.bodies, k=100))
            path, body = "/predict/batch", b'{"sessions": [' + rows + b"]}"
        else:
            path, body = draw.choice(["/predict", "/explain"]), draw.choice(self.bodies)
        connection.request("POST", path, body, JSON)
        reply = connection.getresponse()
        reply.read()
        self.came[str(reply.status)] += 1
        return reply.getheader("connection") != "close" and not self._left.is_set()

    def _disturb(self, draw: random.Random) -> None:
        held: list[socket.socket] = []
        while not self._left.is_set():
            time.sleep(0.01)
            with suppress(OSError):  # refused, or hung up on: as it should be
                client = socket.create_connection(("127.0.0.1", self.port), timeout=5)
                held.append(client)
                client.sendall(draw.choice(DISTURBANCES))
                self.came["disturbed"] += 1
            if len(held) > HELD:
                held.pop(draw.randrange(len(held))).close()
        for client in held:
            client.close()
