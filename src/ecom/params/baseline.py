"""Section ``baseline``: the brief's logistic regression."""

from typing import Annotated

from pydantic import Field

from ecom.params.section import Section


class Baseline(Section):
    """The brief's logistic regression."""

    name = "baseline"

    C: Annotated[float, Field(gt=0, le=1e9)]
