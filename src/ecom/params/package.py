"""Section ``package``: sessions that the package's graph is compared with the model on."""

from typing import Annotated

from pydantic import Field

from ecom.params.section import Section, Seed


class Package(Section):
    """How many sessions are compared, beside the real ones, and how many the package keeps."""

    name = "package"

    rows: Annotated[int, Field(ge=100, le=10_000_000)]
    golden: Annotated[int, Field(ge=1, le=10_000)]
    seed: Seed
