"""The process of a stage: fixed threads and kernels, its own library, and a last line that helps."""

import _environment

import os
import platform
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import ecom
from ecom.numerics import KERNELS


def test_threads_and_kernels_are_fixed_before_libraries_load() -> None:
    assert os.environ["OMP_NUM_THREADS"] == os.environ["OPENBLAS_NUM_THREADS"] == "1"
    if platform.machine() == "x86_64":
        assert KERNELS.items() <= os.environ.items()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the kernels of another CPU")
def test_no_kernel_of_numpy_is_left_to_the_cpu() -> None:
    """NumPy must know each group that is switched off, and have no other."""
    umath: Any = import_module("numpy._core._multiarray_umath")

    assert KERNELS["NPY_DISABLE_CPU_FEATURES"].split() == umath.__cpu_dispatch__


def test_the_library_is_that_of_the_checkout() -> None:
    assert Path(str(ecom.__file__)).is_relative_to(_environment.ROOT / "src")


class TerminatedWorkerError(Exception):
    """As joblib names the loss of a worker."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            MemoryError("Unable to allocate 9 GiB"),
            "stage: memory ran out: free some, or use fewer",
        ),
        (ImportError("x.so: failed to map segment from shared object"), "stage: memory ran out: "),
        (
            TerminatedWorkerError(),
            "stage: a worker process was killed, probably because memory ran out: ",
        ),
        (ValueError("another"), "ValueError: another\n"),
    ],
)
def test_memory_that_runs_out_is_told_in_a_line_and_all_else_as_ever(
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["stages/stage.py"])

    _environment.say_if_memory_ran_out(type(error), error, None)

    assert capsys.readouterr().err.startswith(said)
    assert sys.excepthook is _environment.say_if_memory_ran_out
