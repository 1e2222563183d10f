"""Section ``split``: the random split into training and test rows."""

from typing import Annotated

from pydantic import Field

from ecom.params.section import OpenShare, Section, Seed


class Split(Section):
    """The random split into training and test rows."""

    name = "split"

    test_size: OpenShare
    seed: Seed
    max_train_rows: Annotated[int, Field(ge=2)] | None
