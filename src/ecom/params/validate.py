"""Section ``validate``: bounds on the raw data as a whole; `ecom.schema` bounds its columns."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from ecom.params.section import OpenShare, Section

Rows = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Validate(Section):
    """Bounds on the number of rows and on the share of purchases."""

    name = "validate"

    min_rows: Rows
    max_rows: Rows
    min_positive_rate: OpenShare
    max_positive_rate: OpenShare

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_rows > self.max_rows:
            raise ValueError(f"min_rows {self.min_rows} is above max_rows {self.max_rows}")
        if self.min_positive_rate > self.max_positive_rate:
            raise ValueError(
                f"min_positive_rate {self.min_positive_rate} is above "
                f"max_positive_rate {self.max_positive_rate}"
            )
        return self
