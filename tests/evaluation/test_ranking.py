"""The metrics that models are selected by are those of scikit-learn."""

import pytest

from ecom.evaluation.counts import count_flagged
from ecom.evaluation.ranking import SCORING, ranking_metrics
from scored import labels_and_scores


def test_they_agree_with_the_metrics_of_evaluate() -> None:
    labels, scores = labels_and_scores(300, 0, 2)
    counts = count_flagged(labels, scores)

    found = ranking_metrics(labels, scores)

    assert list(found) == list(SCORING)
    assert found["pr_auc"] == pytest.approx(counts.pr_auc[0])
    assert found["roc_auc"] == pytest.approx(counts.roc_auc[0])


def test_a_perfect_ranking_scores_one() -> None:
    assert ranking_metrics([0, 0, 1], [0.1, 0.2, 0.3]) == {"pr_auc": 1.0, "roc_auc": 1.0}
