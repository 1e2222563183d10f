"""A connection to a cluster whose workers have the same code and the same libraries."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import TYPE_CHECKING, Any, Final

import ecom
from ecom.errors import ClusterError
from ecom.numerics import fixed_variables

if TYPE_CHECKING:
    from distributed import Client, Future

SECONDS: Final = 10  # for a scheduler to answer, and to have a worker
LIBRARIES: Final = (
    *("numpy", "scipy", "scikit-learn", "joblib", "pandas", "pyarrow", "onnxruntime"),
    *("distributed", "cloudpickle"),
)

Identity = Mapping[str, str]  # what decides the bytes that a process computes


@cache
def own_identity() -> Identity:
    """Return what decides the bytes that this process computes, by name."""
    root = Path(ecom.__file__).parent
    code = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        code.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return {
        "python": python_version(),
        **{library: version(library) for library in LIBRARIES},
        "the code in src/ecom": code.hexdigest()[:12],
        **{variable: os.environ.get(variable, "") for variable in fixed_variables()},
    }


def expected_identity() -> Identity:
    """Return the identity of a worker that computes what a stage here computes."""
    return {**own_identity(), **fixed_variables()}


def require_identity(expected: Identity, found: Identity, place: str) -> None:
    """Refuse a worker that may compute other bytes.

    Raises
    ------
    ClusterError
        With what differs.
    """
    faults = [
        f"{name} {found.get(name) or 'not set'} instead of {wanted}"
        for name, wanted in expected.items()
        if found.get(name) != wanted
    ]
    if faults:
        raise ClusterError(
            f"{place} may compute other results: it has {', '.join(faults)}. Start "
            "`dask scheduler` and `python -m ecom worker ADDRESS` in checkouts of the same commit, "
            "with its requirements.txt"
        )


def require_own_identity(expected: Identity) -> None:
    """Refuse to work in this process if it may compute other bytes.

    Raises
    ------
    ClusterError
        With what differs.
    """
    if expected != own_identity():
        from distributed import get_worker

        require_identity(expected, own_identity(), f"the worker {get_worker().address}")


def hold(client: "Client", value: Any, key: str) -> "Future[Any]":
    """Send a value to the cluster, once; return what stands for it in tasks.

    What Dask scatters is lost with the workers that have it. This is a task that returns the value:
    its argument stays with the scheduler, which gives it to another worker.
    """
    return client.submit(_same, value, key=key)


def _same(value: Any) -> Any:
    return value


def _require_same_code(client: "Client", address: str) -> None:
    """Refuse a cluster whose workers may compute other bytes, or whose scheduler is of other code.

    Raises
    ------
    ClusterError
        With what differs.
    """
    try:
        found = client.run_on_scheduler(own_identity)  # type: ignore[no-untyped-call]
        workers = client.run(own_identity)
    except ImportError as error:
        raise ClusterError(
            f"the cluster at {address} lacks what this project needs ({error}): start scheduler "
            "and workers in environments with requirements.txt and this project"
        ) from None
    computing = fixed_variables()
    libraries = {name: wanted for name, wanted in own_identity().items() if name not in computing}
    require_identity(libraries, found, f"the scheduler at {address}")
    for place, found in workers.items():
        require_identity(expected_identity(), found, f"the worker {place}")


@contextmanager
def connected(address: str | None, n_workers: int = 1) -> Iterator["Client"]:
    """Yield a client of a cluster, all workers of which are checked.

    Parameters
    ----------
    address
        Of a scheduler, such as ``tcp://127.0.0.1:8786``; None starts one here, with workers.
    n_workers
        How many, if they are started here.

    Raises
    ------
    ClusterError
        No scheduler answers, it has no worker, a worker may compute other bytes, or the cluster
        was lost within the block.
    """
    from concurrent.futures import CancelledError

    from distributed import Client, KilledWorker, LocalCluster
    from distributed.client import FutureCancelledError

    with ExitStack() as stack:
        if address is None:
            local = LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=n_workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
            )
            address = stack.enter_context(local).scheduler_address
        try:
            client = Client(address, timeout=SECONDS, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"no Dask scheduler answers at {address} ({error!s:.200}): start one by "
                "`dask scheduler`, and give the address that it prints"
            ) from None
        stack.enter_context(client)
        try:
            client.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError:
            raise ClusterError(
                f"the scheduler at {address} has no workers: start some by "
                f"`python -m ecom worker {address}`"
            ) from None
        _require_same_code(client, address)
        try:
            yield client
        except KilledWorker as error:
            raise ClusterError(
                "the same piece of work was lost with several workers, one after the other, the "
                f"last at {error.last_worker.address}: perhaps for want of memory. Give workers "
                "more, or make the pieces smaller"
            ) from None
        except (CancelledError, FutureCancelledError):
            raise ClusterError(
                f"the scheduler at {address} was lost: start it again, then run the same command "
                "again"
            ) from None
