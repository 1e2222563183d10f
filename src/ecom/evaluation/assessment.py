"""All that evaluate finds: metrics, slices, curves and mistakes of the models on the test rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ecom.evaluation.comparison import Criteria, compare_feature_sets, compare_models
from ecom.evaluation.curves import confusion_counts, curves
from ecom.evaluation.metrics import MODELS, perfect_calibration_error
from ecom.evaluation.slices import confident_mistakes, slice_metrics, worst_slices

if TYPE_CHECKING:
    from ecom.evaluation.counts import Floats
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


def assess(  # noqa: PLR0913  all that evaluate reads of the test rows
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    scores: "Mapping[str, Floats]",
    *,
    feature_set: "FeatureSet",
    policy: str,
    criteria: Criteria,
    params: "Evaluate",
) -> Assessment:
    """Judge the models on the test rows.

    Parameters
    ----------
    sessions, labels
        Test rows and their target.
    scores
        Scores of shape (n,) by `MODELS`, and by the model of each other feature set.
    feature_set
        The one in use.
    policy
        What a shop without a model would do: the cheaper of flagging all and flagging none.
    criteria
        Thresholds of all these models, costs, bins and resamples.
    params
        How much is listed.
    """
    best = scores["best_model"]
    metrics = compare_models(labels, scores, criteria)
    metrics["feature_sets"] = compare_feature_sets(
        labels, {**scores, feature_set: best}, feature_set, policy, criteria
    )
    slices = slice_metrics(
        sessions,
        labels,
        best,
        threshold=criteria.thresholds["best_model"],
        small=params.small_slice,
        bootstrap=criteria.bootstrap,
    )
    metrics["worst_slices"] = worst_slices(slices)
    for name in MODELS:
        metrics[name]["perfect_calibration_error"] = perfect_calibration_error(
            scores[name], criteria.bins
        )
        metrics[name]["confusion_matrix"] = confusion_counts(
            labels, scores[name], criteria.thresholds[name]
        )
    return Assessment(
        metrics,
        slices,
        confident_mistakes(sessions, labels, best, params.mistakes),
        {
            name: curves(
                labels, scores[name], criteria.thresholds[name], criteria.costs, params.bins
            )
            for name in MODELS
        },
    )
