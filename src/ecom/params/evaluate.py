"""Section ``evaluate``: what evaluate reports beside its metrics."""

from typing import Annotated

from pydantic import Field

from ecom.params.section import OpenShare, Section


class Evaluate(Section):
    """What evaluate reports beside its metrics."""

    name = "evaluate"

    bins: Annotated[int, Field(ge=2, le=100)]
    small_slice: Annotated[int, Field(ge=1, le=1_000_000)]
    mistakes: Annotated[int, Field(ge=1, le=10_000)]
    worth: OpenShare
