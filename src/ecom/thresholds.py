"""What acting on scores costs, and which threshold acts on a given share of the sessions."""

import numpy as np
from numpy.typing import ArrayLike


def threshold_for_quota(scores: ArrayLike, quota: float) -> float:
    """Return the threshold that flags the share `quota` (0 to 1) of sessions that score highest.

    The ``1 - quota`` quantile of the scores, interpolated linearly.
    """
    return float(np.quantile(np.asarray(scores), 1 - quota))


def expected_cost(
    labels: ArrayLike,
    scores: ArrayLike,
    threshold: float,
    *,
    false_positive: float,
    false_negative: float,
) -> float:
    """Return what the errors of flagging scores from `threshold` on cost, in the units given.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    scores : array of shape (n,)
        The higher, the likelier a purchase.
    threshold
        Scores from here on are flagged.
    false_positive, false_negative
        Cost of flagging a session without a purchase, and of missing one with a purchase.

    Examples
    --------
    >>> expected_cost([0, 1, 1], [0.9, 0.8, 0.1], 0.5, false_positive=1, false_negative=5)
    6.0
    """
    flagged = np.asarray(scores) >= threshold
    positive = np.asarray(labels) == 1
    return float(
        false_positive * np.sum(flagged & ~positive) + false_negative * np.sum(~flagged & positive)
    )
