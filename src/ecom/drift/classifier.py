"""Whether a classifier tells new sessions from reference sessions: all columns at once."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecom.drift.counting import Sampler
from ecom.drift.shifts import FEWEST, Question, about_column
from ecom.evaluation.counts import Floats
from ecom.schema import CALENDAR
from ecom.serving.manifest import PackagedColumn
from ecom.serving.profile import CUTS, UNKNOWN, Bins, Tally

TOGETHER: Final = "all columns together"
CLASSIFIER: Final = {"max_iter": 100, "max_leaf_nodes": 15, "learning_rate": 0.1}


def about_all_columns(
    columns: Sequence[PackagedColumn], reference: Sampler, new: Sampler, seed: int, *, blocked: bool
) -> Question | None:
    """Ask whether sessions can be told apart, by the classifier test of Lopez-Paz and Oquab (2017).

    A classifier learns from half of the sessions, or of the blocks, which side they are of; its
    scores of the other half are then compared like a column. So whatever it learns, chance alone
    lets them differ as seldom as for any column.

    Parameters
    ----------
    columns
        Of the package. Those of the calendar are left out: they always tell months apart.
    reference, new
        Sessions that were drawn.
    seed
        Of the halves and of the classifier.
    blocked
        Whether sessions of a block belong together.

    Returns
    -------
    Question or None
        None if there are too few sessions or blocks to halve.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    used = [place for place, column in enumerate(columns) if column.name not in CALENDAR]
    random = np.random.default_rng(seed)
    halve = _half_of_blocks if blocked else _half_of_sessions
    learned = halve((reference, new), random)
    if any(min(half.sum(), (~half).sum()) < FEWEST for half in learned):
        return None
    values = [side.values[:, used] for side in (reference, new)]
    known = np.concatenate([each[half] for each, half in zip(values, learned, strict=True)])
    sides = np.repeat([0, 1], [half.sum() for half in learned])
    weights = np.where(sides, 1 / sides.mean(), 1 / (1 - sides.mean()))
    model = HistGradientBoostingClassifier(**CLASSIFIER, random_state=seed)
    model.fit(known, sides, sample_weight=weights)
    scores = [
        model.predict_proba(each[~half])[:, 1] for each, half in zip(values, learned, strict=True)
    ]
    cuts = np.unique(np.quantile(np.concatenate(scores), np.linspace(0, 1, CUTS + 1)[1:-1]))
    bins = Bins(cuts=tuple(cuts.tolist()))
    tallies = [
        _tally(bins, each, side.blocks[~half])
        for each, side, half in zip(scores, (reference, new), learned, strict=True)
    ]
    return about_column(TOGETHER, *tallies, blocked=blocked)


def _half_of_sessions(
    sides: tuple[Sampler, Sampler], random: np.random.Generator
) -> list[NDArray[np.bool_]]:
    """Choose half of the sessions of each side; those that hold the same stay together.

    Else the classifier would know sessions again that came twice.
    """
    together = np.nan_to_num(np.vstack([side.values for side in sides]), nan=-1.0)
    _, which = np.unique(together, axis=0, return_inverse=True)
    chosen = random.permutation(which.max() + 1) % 2 == 0
    ends = np.cumsum([len(side.blocks) for side in sides])[:-1]
    return np.split(chosen[which.ravel()], ends)


def _half_of_blocks(
    sides: tuple[Sampler, Sampler], random: np.random.Generator
) -> list[NDArray[np.bool_]]:
    """Choose half of the blocks of each side."""
    halves = []
    for side in sides:
        names = np.unique(side.blocks)
        chosen = names[random.permutation(len(names)) < len(names) // 2]
        halves.append(np.isin(side.blocks, chosen))
    return halves


def _tally(bins: Bins, scores: Floats, blocks: NDArray[np.object_]) -> Tally:
    _, numbers = np.unique(blocks, return_inverse=True)
    return Tally.empty(bins).plus(scores, np.full(len(scores), UNKNOWN), numbers.astype(np.int64))
