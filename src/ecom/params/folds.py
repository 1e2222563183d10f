"""Section ``folds``: the cross-validation folds that baseline, cv and tune share."""

from typing import Annotated

from pydantic import Field

from ecom.params.section import Section, Seed


class Folds(Section):
    """The folds that baseline, cv and tune share, so that their scores can be paired by fold.

    `cross_fit` has as many folds, and deals sessions into them in its own way.
    """

    name = "folds"

    n_splits: Annotated[int, Field(ge=2, le=100)]
    seed: Seed
