"""Section ``bootstrap``: the resamples behind every 95 % interval."""

from typing import Annotated

from pydantic import Field

from ecom.params.section import Section, Seed


class Bootstrap(Section):
    """The resamples behind the 95 % intervals of threshold, evaluate and compare."""

    name = "bootstrap"

    resamples: Annotated[int, Field(ge=100, le=100_000)]
    seed: Seed
