"""The assessment puts together what the other modules compute, each from the right scores."""

import numpy as np
import pytest

from ecom.evaluation.assessment import Assessment, assess
from ecom.evaluation.comparison import Criteria
from ecom.evaluation.curves import confusion_counts
from ecom.evaluation.metrics import MODELS
from ecom.evaluation.ranking import ranking_metrics
from ecom.params.bootstrap import Bootstrap
from ecom.params.evaluate import Evaluate
from ecom.params.threshold import Costs
from ecom.schema import FEATURE_SETS
from generated import features_and_labels

SESSIONS, LABELS = features_and_labels()
RANDOM = np.random.default_rng(0)
NAMES = (*MODELS, "without_page_values", "at_arrival")
SCORES = {name: np.clip(0.3 * LABELS + RANDOM.random(len(LABELS)) / 2, 0, 1) for name in NAMES}
THRESHOLDS = {"baseline": 0.4, "best_model": 0.3} | dict.fromkeys(FEATURE_SETS, 0.3)


@pytest.fixture(scope="module")
def assessment() -> Assessment:
    criteria = Criteria(
        THRESHOLDS,
        Costs(false_positive=1.0, false_negative=5.0),
        bins=10,
        bootstrap=Bootstrap(resamples=100, seed=0),
    )
    return assess(
        SESSIONS,
        LABELS,
        SCORES,
        feature_set="end_of_session",
        policy="flag_none",
        criteria=criteria,
        params=Evaluate(bins=10, small_slice=5, mistakes=3, worth=0.005),
    )


def test_each_model_has_its_own_metrics_and_confusion_counts(assessment: Assessment) -> None:
    for name in MODELS:
        found = assessment.metrics[name]
        assert found["pr_auc"] == pytest.approx(ranking_metrics(LABELS, SCORES[name])["pr_auc"])
        assert found["confusion_matrix"] == confusion_counts(LABELS, SCORES[name], THRESHOLDS[name])
        assert set(assessment.curves[name]) == {
            "confusion",
            "cost",
            "precision_recall",
            "reliability",
            "roc",
            "scores",
        }


def test_feature_sets_are_compared_under_their_own_names(assessment: Assessment) -> None:
    found = assessment.metrics["feature_sets"]

    assert found["end_of_session"]["pr_auc"] == assessment.metrics["best_model"]["pr_auc"]
    assert found["at_arrival"]["pr_auc"] == pytest.approx(
        ranking_metrics(LABELS, SCORES["at_arrival"])["pr_auc"]
    )


def test_slices_and_mistakes_are_those_of_the_best_model(assessment: Assessment) -> None:
    best = SCORES["best_model"]

    assert assessment.metrics["worst_slices"]
    assert len(assessment.mistakes) == 6
    assert assessment.mistakes["score"].iloc[0] == best[LABELS == 0].max()
