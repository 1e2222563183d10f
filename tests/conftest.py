"""Tests run with the thread counts of the pipeline, which _stage sets before libraries load."""

import _stage  # noqa: F401
