"""Section ``review``: how two states of the project are compared. No stage reads it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from ecom.params.section import Section, first_repeated, shown


class Review(Section):
    """How two states of the project are compared.

    `smallest_difference` names the metrics that are judged, each with the difference from which it
    matters. `ecom.evaluation.metrics` knows the names of the metrics and checks these.
    """

    name = "review"

    decisive: Annotated[list[str], Field(min_length=1)]
    smallest_difference: Annotated[
        dict[str, Annotated[float, Field(ge=0, le=1e9)]], Field(min_length=1)
    ]

    @model_validator(mode="after")
    def _decisive_are_judged(self) -> Self:
        for name in self.decisive:
            if name not in self.smallest_difference:
                raise ValueError(
                    f"decisive names {shown(name)}; expected metrics of smallest_difference"
                )
        if repeated := first_repeated(self.decisive):
            raise ValueError(f"decisive names {repeated} twice")
        return self
