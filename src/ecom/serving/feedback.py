"""What is kept of sessions: their scores, and what the shop says became of them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecom.serving.sessions import UNREADABLE, BadInput, Problem, cut

ROWS: Final = 1_000_000  # of a batch
LONGEST_ID: Final = 64  # of a request


class Scored(NamedTuple):
    """The answer to a request, to be written later."""

    request_id: str
    at: float
    model: str
    inputs: Mapping[str, NDArray[Any]]
    places: Sequence[int]
    probability: Sequence[float] | NDArray[np.float64]
    flagged: Sequence[bool] | NDArray[np.bool_]


class Feedback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The outcome of a session: `row` is its place in the batch that it came with."""

    request_id: Annotated[str, msgspec.Meta(pattern=rf"^[A-Za-z0-9_.:-]{{1,{LONGEST_ID}}}$")]
    outcome: bool
    row: Annotated[int, msgspec.Meta(ge=0, le=ROWS)] = 0


_DECODER: Final = msgspec.json.Decoder(Feedback)


def read_feedback(body: bytes) -> Feedback:
    """Read an outcome.

    Raises
    ------
    BadInput
        It is none.
    """
    try:
        feedback = _DECODER.decode(body)
        if feedback.request_id.endswith("\n"):  # which "$" of the pattern lets through
            raise msgspec.ValidationError("the request_id ends in a new line")
    except UNREADABLE as error:
        rule = (
            'an object such as {"request_id": "...", "outcome": true}, with "row" for a session of '
            f"a batch ({str(error)[:200]})"
        )
        raise BadInput([Problem(rule, cut(body[:200].decode(errors="replace")))]) from None
    return feedback
