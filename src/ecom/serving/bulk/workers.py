"""Who scores the parts of a job: processes of this machine, or the workers of a cluster."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar
from uuid import uuid4

from ecom.cluster.connection import (
    Identity,
    connected,
    expected_identity,
    hold,
    require_own_identity,
)
from ecom.errors import DataError

Found = TypeVar("Found")


def in_processes(
    function: Callable[..., Found], tasks: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[Found]:
    """Yield what a function returns of each task's arguments, in the order of being done.

    Raises
    ------
    DataError
        A process was ended from outside.
    """
    if workers == 1 or len(tasks) <= 1:
        for task in tasks:
            yield function(*task)
        return
    with ProcessPoolExecutor(
        min(workers, len(tasks)),
        get_context("spawn"),
        initializer=_end_with,
        initargs=(os.getpid(),),
    ) as pool:
        try:
            running = {pool.submit(function, *task) for task in tasks}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool:
            raise DataError(
                "a process was ended from outside, perhaps for want of memory: run the same "
                "command again, which goes on, with fewer --workers"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with(parent: int) -> None:
    """Let this process end when the one that began it does, however that ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def on_cluster(
    function: Callable[..., Found],
    tasks: Sequence[tuple[Any, ...]],
    address: str,
    version: str,
    contents: Mapping[str, bytes],
) -> Iterator[Found]:
    """Yield what a function returns on a cluster, in the order of being done.

    A task whose worker is lost is given to another one, so a function may run twice for a task,
    even at the same time: it must leave the same then.

    Parameters
    ----------
    function
        Takes the folder of the package, then a task's arguments.
    tasks
        Arguments.
    address
        Of the scheduler.
    version, contents
        Of the package, which every worker gets once, and checks when it opens it.

    Raises
    ------
    ClusterError
        The cluster cannot be used, or was lost.
    """
    from distributed import as_completed

    with connected(address) as client:
        package = hold(client, dict(contents), f"package-{version}")
        run = partial(_run, function, expected_identity(), version)
        futures = [
            client.submit(run, package, task, key=f"part-{number}-{uuid4().hex}")
            for number, task in enumerate(tasks)
        ]
        for future in as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
            yield future.result()
            future.release()


def _run(
    function: Callable[..., Found],
    expected: Identity,
    version: str,
    contents: Mapping[str, bytes],
    task: tuple[Any, ...],
) -> Found:
    """Run a task in a worker, with the package in a folder of the worker's own."""
    from distributed import get_worker

    require_own_identity(expected)
    home = Path(get_worker().local_directory)
    folder = home / version
    if not folder.exists():
        written = Path(mkdtemp(dir=home))
        for name, content in contents.items():
            (written / name).write_bytes(content)
        with suppress(OSError):  # another thread was faster
            written.rename(folder)
    return function(folder, *task)
