"""What the service answers, as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from ecom.serving.sessions import Problem


class Answer(msgspec.Struct, frozen=True):
    """The probability of a purchase, and whether it reaches the threshold.

    `unknown_categories` names columns whose text is none of those that the manifest allows.
    """

    probability: float
    flagged: bool
    unknown_categories: Sequence[str]


class Prediction(msgspec.Struct, frozen=True):
    """What the model says of a session; `model` is the SHA-256 of the package's manifest."""

    probability: float
    flagged: bool
    unknown_categories: Sequence[str]
    threshold: float
    model: str
    request_id: str


class Predictions(msgspec.Struct, frozen=True):
    """What the model says of each session, in order: null where `problems` say why not."""

    answers: Sequence[Answer | None]
    problems: Sequence[Problem]
    threshold: float
    model: str
    request_id: str


class Explanation(msgspec.Struct, frozen=True):
    """Why: `base` and the contributions of the columns add up to `log_odds`."""

    probability: float
    flagged: bool
    unknown_categories: Sequence[str]
    threshold: float
    log_odds: float
    base: float
    contributions: dict[str, float]
    model: str
    request_id: str


class Model(msgspec.Struct, frozen=True):
    """The package that answers: its manifest, the SHA-256 of that, and what else it holds.

    `examples` are typical sessions by what they are typical of; `thresholds` what each would give.
    """

    version: str
    manifest: Mapping[str, Any]
    examples: Mapping[str, Mapping[str, Any]]
    thresholds: Sequence[Mapping[str, float]]


class Heard(msgspec.Struct, frozen=True):
    """What was kept of a session's outcome; `known` says whether its score is kept too."""

    request_id: str
    row: int
    outcome: bool
    known: bool


class Refusal(msgspec.Struct, frozen=True):
    """Why a request was not answered, and what to do."""

    detail: str
    request_id: str
    problems: Sequence[Problem] = ()


class ProtocolError(msgspec.Struct, frozen=True):
    """Why a request along the Open Inference Protocol was not answered."""

    error: str


class Health(msgspec.Struct, frozen=True):
    """Whether the service takes requests."""

    status: str


def as_json(content: object, status: int = 200) -> Response:
    """Return the response that holds an answer."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")
