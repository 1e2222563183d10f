"""Section ``learning_curve``: the shares of the training rows that models are fitted to."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from ecom.params.section import OpenShare, Section, Seed


class LearningCurve(Section):
    """The shares of the training rows that models are fitted to, beside all of them."""

    name = "learning_curve"

    shares: Annotated[list[OpenShare], Field(min_length=1, max_length=20)]
    seed: Seed

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for low, high in pairwise(self.shares):
            if low >= high:
                raise ValueError(f"shares has {low:g} before {high:g}; each must be above the last")
        return self
