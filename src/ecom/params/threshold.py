"""Section ``threshold``: how the operating point is chosen, and what an error costs."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ecom.params.section import OpenShare, Section, Share

Strategy = Literal[
    "minimum_cost", "break_even", "quota", "target_precision", "target_recall", "fixed"
]
Cost = Annotated[float, Field(ge=0, le=1e9)]


class Costs(Section):
    """What an error costs, in the shop's currency."""

    false_positive: Cost
    false_negative: Cost

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.false_positive + self.false_negative == 0:
            raise ValueError(
                "false_positive and false_negative are both 0; at least one must be above 0"
            )
        return self

    @property
    def break_even(self) -> float:
        """The probability from which flagging costs less than not flagging.

        It is the minimum-cost threshold of calibrated probabilities (Elkan 2001).
        """
        return self.false_positive / (self.false_positive + self.false_negative)


class Threshold(Section):
    """How the operating point is chosen.

    A strategy reads only the value that bears its name; ``minimum_cost`` and ``break_even`` read
    the costs, which the metrics are computed from in any case.
    """

    name = "threshold"

    strategy: Strategy
    costs: Costs
    quota: OpenShare
    target_precision: OpenShare
    target_recall: OpenShare
    fixed: Share
