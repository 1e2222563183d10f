"""The few figures by which people compare runs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecom.results import Results, SummaryResults


def headline(found: "Results") -> "SummaryResults":
    """Return what ``dvc metrics diff`` and ``dvc exp show`` show of a run.

    The metrics are those on the test rows, beside the baseline's PR-AUC there, the mean PR-AUC over
    the folds that chose the model, the one by which reviews compare, on training rows, and the
    threshold in use.
    """
    best = found["evaluate"]["best_model"]
    return {
        "cross_fit_pr_auc": found["cross_fit"]["best_model"]["pr_auc"]["mean"],
        "pr_auc": best["pr_auc"],
        "roc_auc": best["roc_auc"],
        "precision": best["precision"],
        "recall": best["recall"],
        "cost_per_1000_sessions": best["cost_per_1000_sessions"],
        "threshold": found["threshold"]["threshold"],
        "cv_pr_auc": found["tune"]["best_cv_pr_auc"],
        "baseline_pr_auc": found["evaluate"]["baseline"]["pr_auc"],
    }
