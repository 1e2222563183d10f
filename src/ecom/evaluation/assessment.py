"""All that evaluate finds: metrics, slices, curves and mistakes of the models on the test rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ecom.evaluation.comparison import Criteria, compare_models, compare_scores
from ecom.evaluation.curves import confusion_counts, curves
from ecom.evaluation.metrics import MODELS
from ecom.evaluation.slices import confident_mistakes, slice_metrics, worst_slices
from ecom.evaluation.temporal import ScoredSessions, judge_over_time

if TYPE_CHECKING:
    from ecom.params.evaluate import Evaluate
    from ecom.schema import FeatureSet


@dataclass(frozen=True)
class Assessment:
    """What evaluate finds.

    Attributes
    ----------
    metrics
        Content of metrics/evaluate.json.
    slices, mistakes
        Tables of the best model, from `slice_metrics` and `confident_mistakes`.
    curves
        Tables of each of `MODELS`, from `ecom.evaluation.curves.curves`.
    """

    metrics: dict[str, Any]
    slices: pd.DataFrame
    mistakes: pd.DataFrame
    curves: dict[str, dict[str, pd.DataFrame]]


def assess(  # noqa: PLR0913  all that evaluate reads
    train: ScoredSessions,
    test: ScoredSessions,
    *,
    feature_set: "FeatureSet",
    test_months: Sequence[str],
    criteria: Criteria,
    params: "Evaluate",
) -> Assessment:
    """Judge the models on the test rows.

    Parameters
    ----------
    train
        Training rows, scored by the refits to earlier months.
    test
        Test rows, scored by `MODELS` and by all refits.
    feature_set
        The one in use; the refit to the other one is named as its feature set is.
    test_months
        Months of the hold-out in time; empty for none.
    criteria
        Thresholds, costs, bins and resamples.
    params
        How much is listed.
    """
    labels, best = test.labels, test.scores["best_model"]
    metrics = compare_models(labels, test.scores, criteria)
    metrics["feature_sets"] = compare_scores(
        labels,
        {**test.scores, feature_set: best},
        {"end_of_session_minus_at_arrival": ("end_of_session", "at_arrival")},
        criteria,
    )
    if test_months:
        metrics["temporal"] = judge_over_time(train, test, test_months, criteria)
    slices = slice_metrics(
        test.sessions,
        labels,
        best,
        threshold=criteria.thresholds["best_model"],
        small=params.small_slice,
        bootstrap=criteria.bootstrap,
    )
    metrics["worst_slices"] = worst_slices(slices)
    for name in MODELS:
        metrics[name]["confusion_matrix"] = confusion_counts(
            labels, test.scores[name], criteria.thresholds[name]
        )
    return Assessment(
        metrics,
        slices,
        confident_mistakes(test.sessions, labels, best, params.mistakes),
        {
            name: curves(
                labels, test.scores[name], criteria.thresholds[name], criteria.costs, params.bins
            )
            for name in MODELS
        },
    )
