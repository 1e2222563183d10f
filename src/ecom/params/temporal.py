"""Section ``temporal``: the hold-out in time, beside the random split."""

from typing import Self

from pydantic import model_validator

from ecom.params.section import Section
from ecom.schema import MONTHS, Month


class Temporal(Section):
    """The hold-out in time, beside the random split."""

    name = "temporal"

    first_test_month: Month | None

    @model_validator(mode="after")
    def _has_months_before(self) -> Self:
        if self.first_test_month == MONTHS[0]:
            raise ValueError(f"first_test_month {MONTHS[0]} has no month before it to train on")
        return self

    @property
    def test_months(self) -> tuple[Month, ...]:
        """The first test month and the later ones of the year; empty without a first test month."""
        return MONTHS[MONTHS.index(self.first_test_month) :] if self.first_test_month else ()
