"""Section ``over_time``: the months that are judged by models of the months before."""

from typing import Annotated

from pydantic import Field

from ecom.params.section import Section


class OverTime(Section):
    """After how many months each later one is judged by models fitted to the months before it."""

    name = "over_time"

    months_before: Annotated[int, Field(ge=1, le=1000)] | None
