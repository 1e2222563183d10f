"""Section ``cross_fit``: the repeated fits that models are compared by."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ecom.params.section import Section

if TYPE_CHECKING:
    from ecom.params.folds import Folds


class CrossFit(Section):
    """How often both models are fitted again, on other folds, to score every training row."""

    name = "cross_fit"

    repeats: Annotated[int, Field(ge=2, le=100)]
    seed: Annotated[int, Field(ge=0, le=2**32 - 101)]  # further repeats take the next ones
    n_jobs: Annotated[int, Field(ge=1, le=256)]

    @property
    def seeds(self) -> range:
        """The seed of each repeat."""
        return range(self.seed, self.seed + self.repeats)


def find_faults(cross_fit: "CrossFit | None", folds: "Folds | None") -> list[str]:
    """Return a line if a repeat would use the folds that hyperparameters were chosen on."""
    if cross_fit and folds and folds.seed in cross_fit.seeds:
        last = cross_fit.seeds[-1]
        rule = f"input should leave out folds.seed, {folds.seed}, up to the last repeat's, {last}"
        return [f"cross_fit.seed: {cross_fit.seed} is not allowed; {rule}"]
    return []
