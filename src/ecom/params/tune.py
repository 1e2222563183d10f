"""Section ``tune``: the hyperparameter search."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from ecom.params.backend import Backend
from ecom.params.section import Section, Seed

Bound = Annotated[float, Field(ge=-1e15, le=1e15)]


class Distribution(Section):
    """What a hyperparameter is drawn from; `low` and `high` are inclusive.

    ``uniform`` and ``log_uniform`` draw numbers, ``integer`` whole numbers, ``log_grid`` one of
    `num` numbers that are evenly spaced on a log scale.
    """

    distribution: Literal["uniform", "log_uniform", "integer", "log_grid"]
    low: Bound
    high: Bound
    num: Annotated[int, Field(ge=2, le=10_000)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.distribution.startswith("log_") and self.low <= 0:
            raise ValueError(f"low {self.low} is not above 0, as {self.distribution} needs")
        if (self.distribution == "log_grid") != (self.num is not None):
            raise ValueError("num is required for log_grid and not allowed for other distributions")
        if self.distribution == "integer" and (self.low % 1 or self.high % 1):
            raise ValueError(f"low {self.low} and high {self.high} are not both whole numbers")
        return self

    def __str__(self) -> str:
        """Return the distribution in words."""
        return f"{self.distribution} from {self.low:g} to {self.high:g}"


class Tune(Backend):
    """The hyperparameter search over the candidate that cv selected.

    `distributions` holds those of each candidate by hyperparameter. `ecom.models.candidates` knows
    which hyperparameters a candidate has and which values each may take, and checks these.
    """

    model_config = ConfigDict(extra="forbid")

    keys = ()

    n_iter: Annotated[int, Field(ge=1, le=10_000)]
    scoring: Literal["average_precision", "roc_auc", "neg_log_loss", "neg_brier_score"]
    seed: Seed
    distributions: dict[str, Annotated[dict[str, Distribution], Field(min_length=1)]]
