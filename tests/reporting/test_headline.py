"""The headline of a run quotes the metrics of its stages."""

from typing import Any

from ecom.reporting.headline import headline
from project import ROOT, metrics_of


def test_it_quotes_the_best_model_the_bar_and_the_threshold() -> None:
    found: Any = {
        name: metrics_of(ROOT, name)
        for name in ("tune", "cross_fit", "threshold", "evaluate", "summary")
    }

    figures = headline(found)

    assert found["summary"] == {"data": found["evaluate"]["data"], **figures}
    for name in ("pr_auc", "roc_auc", "precision", "recall", "cost_per_1000_sessions"):
        assert figures[name] == found["evaluate"]["best_model"][name]
    assert figures["baseline_pr_auc"] == found["evaluate"]["baseline"]["pr_auc"]
    assert figures["cross_fit_pr_auc"] == found["cross_fit"]["best_model"]["pr_auc"]["mean"]
    assert figures["cv_pr_auc"] == found["tune"]["best_cv_pr_auc"]
    assert figures["threshold"] == found["evaluate"]["thresholds"]["best_model"]
