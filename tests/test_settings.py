"""Encodings and warnings that a user has set stop nothing."""

import io
import sys
import warnings

import pytest

from ecom.settings import tolerate_settings


def test_a_terminal_that_lacks_the_euro_gets_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)

    tolerate_settings()
    print("229 €")

    assert terminal.buffer.getvalue() == b"229 \\u20ac\n"


@pytest.mark.parametrize("options", [["error"], ["error::DeprecationWarning"], ["ignore", "error"]])
def test_warnings_that_are_to_be_errors_are_printed(
    options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "warnoptions", options)
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    with warnings.catch_warnings(record=True) as printed:
        warnings.simplefilter("error")

        tolerate_settings()
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    assert [str(warning.message) for warning in printed] == ["old"]
    assert options == []


def test_other_settings_of_warnings_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "warnoptions", ["ignore"])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tolerate_settings()
        with pytest.raises(DeprecationWarning):
            warnings.warn("old", DeprecationWarning, stacklevel=1)
