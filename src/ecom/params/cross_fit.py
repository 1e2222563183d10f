"""Section ``cross_fit``: the repeated fits that models are compared by."""

from typing import Annotated

from pydantic import Field

from ecom.params.section import Section


class CrossFit(Section):
    """How often both models are fitted again to score every training row."""

    name = "cross_fit"

    repeats: Annotated[int, Field(ge=2, le=100)]
    seed: Annotated[int, Field(ge=0, le=2**32 - 101)]  # further repeats take the next ones
    n_jobs: Annotated[int, Field(ge=1, le=256)]

    @property
    def seeds(self) -> range:
        """The seed of each repeat."""
        return range(self.seed, self.seed + self.repeats)
