"""The hold-out in time: models fitted to the months before, judged on the months that follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ecom.evaluation.comparison import Criteria, compare_models, compare_scores
from ecom.evaluation.counts import Floats
from ecom.evaluation.metrics import MODELS
from ecom.evaluation.periods import earlier, require_both_classes


@dataclass(frozen=True)
class ScoredSessions:
    """Raw sessions with their labels, and scores by model, each of shape (n,)."""

    sessions: pd.DataFrame
    labels: "pd.Series[int]"
    scores: Mapping[str, Floats]

    def of_months(self, months: Sequence[str]) -> "ScoredSessions":
        """Return the sessions of some months."""
        chosen = self.sessions["Month"].isin(months).to_numpy()
        return ScoredSessions(
            self.sessions[chosen],
            self.labels[chosen],
            {name: scores[chosen] for name, scores in self.scores.items()},
        )


def judge_over_time(
    train: ScoredSessions,
    test: ScoredSessions,
    test_months: Sequence[str],
    criteria: Criteria,
) -> dict[str, Any]:
    """Judge the refits to earlier months on every session of the test months.

    Parameters
    ----------
    train, test
        Training and test rows, scored by the `earlier` models, which saw no session of the test
        months. The test rows are also scored by `MODELS`, which did see such sessions among the
        training rows.
    test_months
        At least one.
    criteria
        Thresholds, costs, bins and resamples.

    Returns
    -------
    dict
        As from `compare_models`, for the earlier models under the names in `MODELS`; the
        ``first_test_month``; the number of ``sessions`` and ``purchases``; and ``on_test_rows``,
        the `compare_scores` of each model with its earlier refit, paired, on the test rows of the
        test months.

    Raises
    ------
    DataError
        The test rows of these months are not of both classes.
    """
    later_train, later_test = train.of_months(test_months), test.of_months(test_months)
    when = f"from temporal.first_test_month {test_months[0]} on"
    require_both_classes(later_test.labels, when, "test")
    parts = (later_train, later_test)
    labels = np.concatenate([part.labels for part in parts])
    scores = {
        name: np.concatenate([part.scores[earlier(name)] for part in parts]) for name in MODELS
    }
    return {
        "first_test_month": test_months[0],
        "sessions": len(labels),
        "purchases": int(labels.sum()),
        **compare_models(labels, scores, criteria),
        "on_test_rows": {
            "sessions": len(later_test.labels),
            "purchases": int(later_test.labels.sum()),
            **compare_scores(
                later_test.labels,
                later_test.scores,
                {f"{name}_minus_{earlier(name)}": (name, earlier(name)) for name in MODELS},
                criteria,
            ),
        },
    }
