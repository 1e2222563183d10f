"""Scores of many sessions, some at a time: a model computes many columns of each."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

TOGETHER: Final = 1 << 16  # sessions

Floats = NDArray[np.float64]


def in_blocks(score: Callable[[Any], Floats], sessions: Any) -> Floats:
    """Return the scores of sessions, `TOGETHER` of them at a time.

    Parameters
    ----------
    score
        From sessions to an array with a row for each.
    sessions
        A frame of sessions; at least one.

    Returns
    -------
    array with a row for each session
    """
    blocks = range(0, len(sessions), TOGETHER)
    return np.concatenate([score(sessions[begin : begin + TOGETHER]) for begin in blocks])
