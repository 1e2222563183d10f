"""Section ``over_time``: the months that are judged by models of the months before."""

from typing import Self

from pydantic import model_validator

from ecom.params.section import Section
from ecom.schema import MONTHS, Month


class OverTime(Section):
    """From which month on each is judged by models that were fitted to the months before it."""

    name = "over_time"

    first_month: Month | None

    @model_validator(mode="after")
    def _has_months_before(self) -> Self:
        if self.first_month == MONTHS[0]:
            raise ValueError(f"first_month {MONTHS[0]} has no month before it to train on")
        return self

    @property
    def months(self) -> tuple[Month, ...]:
        """The first month and the later ones of the year; empty without a first month."""
        return MONTHS[MONTHS.index(self.first_month) :] if self.first_month else ()
