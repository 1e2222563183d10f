"""joblib's Dask backend, for data that must outlive any worker."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from typing import Any, Final
from uuid import uuid4

import pandas as pd
from dask.sizeof import sizeof
from joblib import parallel_config
from joblib._dask import Batch, DaskDistributedBackend, is_weakrefable
from joblib.parallel import FallbackToBackend, SequentialBackend

from ecom.cluster.connection import Identity, expected_identity, hold, require_own_identity

LARGE: Final = 1000  # bytes, from which on a value is sent apart from the tasks that need it

Task = tuple[Callable[..., Any], list[Any], dict[str, Any]]


class CheckedBatch(Batch):  # type: ignore[misc]  # untyped base
    """A batch that a worker runs if it computes as the client does, and within itself alone."""

    def __init__(self, tasks: list[Task], expected: Identity) -> None:
        super().__init__(tasks)
        self._expected = expected

    def __call__(self, tasks: Sequence[Task] = ()) -> list[Any]:
        """Run the tasks one after the other."""
        require_own_identity(self._expected)
        with parallel_config(backend="sequential"):
            return [function(*args, **kwargs) for function, args, kwargs in tasks]


class ClusterBackend(DaskDistributedBackend):  # type: ignore[misc]  # untyped base
    """joblib's Dask backend, which sends each table once and loses none with a worker.

    joblib itself scatters large arguments, which can hang (joblib 961), and are lost with the
    workers that hold them. It also waits without end for a task that Dask gives up.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._expected = expected_identity()
        self._sent: dict[int, tuple[Any, Any]] = {}  # values, which keep their id, and futures

    def configure(self, n_jobs: int = 1, parallel: Any = None, **settings: Any) -> int:
        """Leave to this process what asks for no other, such as the steps of a fit within it."""
        if n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        jobs: int = super().configure(n_jobs, parallel, **settings)
        return max(jobs, 2)  # of 1, joblib makes none

    def get_nested_backend(self) -> tuple[SequentialBackend, int]:
        """Return what runs parallel code within a task."""
        return SequentialBackend(nesting_level=1), 1

    def stop_call(self) -> None:
        """Forget what one call of joblib needed; tables serve the next one too."""
        super().stop_call()
        tables = (pd.DataFrame, pd.Series)
        self._sent = {key: held for key, held in self._sent.items() if isinstance(held[0], tables)}

    async def _collect(self) -> None:
        """Hand over what is done; also what failed outside the code of a task.

        joblib waits for such a task without end.
        """
        while self._continue:
            async for future, result in self.waiting_futures:
                self._results.pop(future)
                settle = self._callbacks.pop(future)
                if future.status == "finished":
                    settle(result)
                else:
                    settle(result[1] if future.status == "error" else CancelledError())
            await asyncio.sleep(0.01)

    async def _to_func_args(self, func: Any) -> tuple[Batch, list[Task]]:
        tasks = [
            (
                function,
                [self._reference(value) for value in args],
                {name: self._reference(value) for name, value in kwargs.items()},
            )
            for function, args, kwargs in func.items
        ]
        return CheckedBatch(tasks, self._expected), tasks

    def _reference(self, value: Any) -> Any:
        """Return a future of a large value, which is sent if it was not yet."""
        if id(value) not in self._sent:
            if not is_weakrefable(value) or sizeof(value) <= LARGE:
                return value
            key = f"{type(value).__name__}-{uuid4().hex}"
            self._sent[id(value)] = (value, hold(self.client, value, key))
        return self._sent[id(value)][1]
