"""Section ``review``: how two states of the project are compared. No stage reads it."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from ecom.params.section import Section, first_repeated

Difference = Annotated[float, Field(ge=0, le=1e9)]


class Decisive(Section):
    """From which difference a metric is better or worse, and how much worse is harmless."""

    smallest_difference: Difference
    margin: Annotated[float, Field(gt=0, le=1e9)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.margin < self.smallest_difference:
            raise ValueError(
                f"margin {self.margin:g} is below smallest_difference "
                f"{self.smallest_difference:g}: a loss that does not matter would count as harmful"
            )
        return self


class Review(Section):
    """How two states of the project are compared: by which metrics, and which of them decide.

    `ecom.evaluation.metrics` knows the names of the metrics and checks these.
    """

    name = "review"

    decisive: Annotated[dict[str, Decisive], Field(min_length=1)]
    shown: list[str]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if repeated := first_repeated([*self.decisive, *self.shown]):
            raise ValueError(f"decisive and shown name {repeated} twice")
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        """All metrics that are compared."""
        return (*self.decisive, *self.shown)
