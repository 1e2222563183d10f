"""Tests run with the thread counts of the pipeline, which _stage sets before libraries load."""

import _stage  # noqa: F401

from hypothesis import settings

settings.register_profile("ecom", deadline=None)  # machines are shared: no test is timed
settings.load_profile("ecom")
