"""What fixes how numbers are computed."""

import platform

import pytest

from ecom.numerics import KERNELS, THREADS, fixed_variables


@pytest.mark.parametrize(
    ("machine", "expected"),
    [("x86_64", THREADS | KERNELS), ("AMD64", THREADS | KERNELS), ("aarch64", THREADS)],
)
def test_kernels_are_fixed_where_they_are_known_and_threads_everywhere(
    machine: str, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)

    assert fixed_variables() == expected
