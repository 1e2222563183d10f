"""Section ``explain``: how many sessions and columns are explained."""

from typing import Annotated

from pydantic import Field

from ecom.params.section import Section, Seed
from ecom.schema import FEATURES


class Explain(Section):
    """How many sessions and columns are explained."""

    name = "explain"

    rows: Annotated[int, Field(ge=10, le=1_000_000)]
    seed: Seed
    columns: Annotated[int, Field(ge=1, le=len(FEATURES))]
