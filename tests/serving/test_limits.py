"""The limits that hold unless somebody sets others."""

from dataclasses import astuple

from ecom.serving.limits import LIMITS


def test_every_limit_is_finite_and_above_nothing() -> None:
    assert all(0 < limit < 10_000_000 for limit in astuple(LIMITS))
