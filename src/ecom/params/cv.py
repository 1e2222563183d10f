"""Section ``cv``: which candidates are compared, and how one of them is selected."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ecom.params.section import Section, Seed, first_repeated

SelectionRule = Literal["best", "one_standard_error"]


class Cv(Section):
    """Which candidates are compared, and how one of them is selected.

    `ecom.models.candidates` knows the names of the candidates and checks these.
    """

    name = "cv"

    candidates: Annotated[list[str], Field(min_length=1)]
    rule: SelectionRule
    seed: Seed

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if repeated := first_repeated(self.candidates):
            raise ValueError(f"candidates names {repeated} twice")
        return self
