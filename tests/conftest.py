"""Tests run with the thread counts of the pipeline, which _stage sets before libraries load."""

import _stage  # noqa: F401

import os

from hypothesis import settings

# Machines are shared: no test is timed. `make prove` tries more.
settings.register_profile("test", deadline=None)
settings.register_profile("prove", deadline=None, max_examples=2500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))
