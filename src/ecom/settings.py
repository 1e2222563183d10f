"""Settings of Python that must not stop a stage or a command."""

import io
import os
import sys
import warnings
from contextlib import suppress


def tolerate_settings() -> None:
    """Print what the terminal's encoding lacks as escapes; print warnings instead of raising them.

    Libraries warn of what they deprecate in each other, which nobody here can change. Processes
    that are started later are told the same.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if any(option.startswith("error") for option in sys.warnoptions):
        sys.warnoptions.clear()
        warnings.simplefilter("default")
        with suppress(KeyError):
            del os.environ["PYTHONWARNINGS"]
