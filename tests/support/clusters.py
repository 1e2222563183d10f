"""A real Dask scheduler and real workers, as processes of their own on loopback."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from distributed import Client

from servers import SECONDS, free_port, kill

Process = subprocess.Popen[bytes]


@dataclass
class Cluster:
    """A scheduler and its workers.

    Attributes
    ----------
    address
        Of the scheduler.
    scheduler, workers
        Their processes; each leads a process group.
    """

    address: str
    scheduler: Process
    folder: Path
    workers: list[Process] = field(default_factory=list)

    def add_worker(
        self, command: Sequence[str] = ("-m", "ecom", "worker"), **variables: str
    ) -> Process:
        """Start a worker, and wait until the scheduler knows it."""
        with client_of(self.address) as client:
            before = len(client.scheduler_info()["workers"])
            worker = _start(
                self.folder / f"worker_{len(self.workers)}.log",
                *(*command, self.address),
                **variables,
            )
            self.workers.append(worker)
            client.wait_for_workers(before + 1, timeout=SECONDS)
        return worker

    def lose(self, worker: Process) -> None:
        """Kill a worker, and wait until the scheduler knows."""
        kill(worker)
        running = [each for each in self.workers if each.poll() is None]
        with client_of(self.address) as client:
            while len(client.scheduler_info()["workers"]) > len(running):
                time.sleep(0.1)


def client_of(address: str) -> Client:
    """Return a client of a scheduler that may still be starting."""
    return Client(address, timeout=SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]


def _start(log: Path, *arguments: str, **variables: str) -> Process:
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | variables,
            start_new_session=True,
        )


@contextmanager
def cluster_of(workers: int, folder: Path) -> Iterator[Cluster]:
    """Run a cluster until the block ends."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = _start(
        folder / "scheduler.log",
        *("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"),
        *("--port", str(port), "--no-dashboard"),
    )
    cluster = Cluster(address, scheduler, folder)
    try:
        for _ in range(workers):
            cluster.add_worker()
        yield cluster
    finally:
        for process in (*cluster.workers, scheduler):
            kill(process)
