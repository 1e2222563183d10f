"""A worker of a cluster, with the threads and kernels that stages have."""

import os
import sys
from typing import NoReturn

from ecom.numerics import fixed_variables


def become_worker(address: str, processes: int, memory: str) -> NoReturn:
    """Turn this process into workers of a Dask scheduler.

    It starts anew: NumPy and the C library choose their kernels when a process starts.

    Parameters
    ----------
    address
        Of the scheduler.
    processes
        How many workers, with one thread each.
    memory
        What one of them may use, as Dask writes it, such as ``4GiB``; or ``auto``.
    """
    command = [
        *(sys.executable, "-m", "distributed.cli.dask_worker", address),
        *("--nworkers", str(processes), "--nthreads", "1", "--memory-limit", memory),
        "--no-dashboard",
    ]
    os.execve(sys.executable, command, os.environ | fixed_variables())  # noqa: S606  our own command
