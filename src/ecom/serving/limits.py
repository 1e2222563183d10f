"""What the service takes at most, and what it keeps."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Limits:
    """What the service takes at most: of each request, and at a time.

    Attributes
    ----------
    body
        Bytes of a request's body.
    sessions
        Sessions in one request.
    concurrency
        Requests that are being answered.
    connections
        Open connections.
    seconds
        Seconds for the head of a request, as many for its body and answer, and as many until the
        client has read that.
    drain
        Seconds in which requests are still taken after SIGTERM, so that load balancers notice.
    """

    body: int = 2_000_000
    sessions: int = 1000
    concurrency: int = 256
    connections: int = 2000
    seconds: float = 10
    drain: float = 1


LIMITS: Final = Limits()


@dataclass(frozen=True)
class Keeping:
    """How much is kept in a store.

    Attributes
    ----------
    scores
        Whether scores are kept too.
    rows
        The most scores, and the most outcomes.
    days
        The most days, of scores and of outcomes.
    """

    scores: bool = False
    rows: int = 1_000_000
    days: float = 90.0


KEEPING: Final = Keeping()
