"""The process that a stage runs in: import path, threads, kernels, streams, how it reports a crash.

Imported before anything else. It fixes what numerical libraries read when they load: the number of
threads, and the kernels of OpenBLAS, NumPy and the C library, which the CPU would otherwise choose,
and which round differently. It puts the library of this very checkout first on the path, also when
DVC runs a copy of the project.
"""

import os
import re
import sys
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from ecom.numerics import THREADS, fixed_variables  # noqa: E402  the path comes first

os.environ.update(THREADS)
IS_STAGE = Path(sys.argv[0]).resolve().parent == ROOT / "stages"


def fix_kernels() -> None:
    """Make this process, and those it starts, use the same kernels on every x86-64 CPU.

    The C library chooses its kernels when a process starts, so a stage starts itself once more.
    """
    fixed = fixed_variables()
    chosen_already = os.environ.get("GLIBC_TUNABLES") == fixed.get("GLIBC_TUNABLES")
    os.environ.update(fixed)
    if sys.platform == "linux" and IS_STAGE and not chosen_already:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  the same command


fix_kernels()
if IS_STAGE:
    from ecom.settings import tolerate_settings

    tolerate_settings()

_NO_MEMORY = re.compile("MemoryError|failed to map segment|Cannot allocate memory")


def say_if_memory_ran_out(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print one line if memory ran out, in this process or a worker; else the usual traceback."""
    killed = kind.__name__ == "TerminatedWorkerError"  # of joblib, which may not be loaded
    if not killed and kind is not MemoryError and not _NO_MEMORY.search(f"{kind} {error}"):
        sys.__excepthook__(kind, error, trace)
        return
    cause = (
        "a worker process was killed, probably because memory ran out"
        if killed
        else "memory ran out"
    )
    advice = "free some, or use fewer rows or a smaller tune.n_jobs"
    print(f"{Path(sys.argv[0]).stem}: {cause}: {advice}", file=sys.stderr)


sys.excepthook = say_if_memory_ran_out
