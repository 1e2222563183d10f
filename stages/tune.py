"""Tune the candidate that cv chose."""

from _stage import Stage, run

import sys

from ecom.models import build_pipeline
from ecom.params import Folds, Tune
from ecom.search import random_search, stratified_folds, trials


def main(stage: Stage) -> None:
    params = stage.params(Tune)
    candidate = stage.read_metrics("metrics/cv.json")["selected"]
    sessions, labels = stage.read_features("data/features/train.parquet")
    search = random_search(
        build_pipeline(candidate, seed=params.seed),
        sessions,
        labels,
        folds=stratified_folds(labels, stage.params(Folds)),
        tune=params,
        distributions=params.distributions_of(candidate),
        progress=sys.stdout.isatty(),
    )
    table = trials(search)
    best = table.loc[search.best_index_]
    stage.write_model("models/best_model.joblib", search.best_estimator_)
    stage.write_table("plots/trials.csv", table.round(6))
    stage.write_metrics(
        "metrics/tune.json",
        {
            "candidate": candidate,
            "n_iter": len(table),
            "best_cv_pr_auc": float(best["pr_auc"]),
            "best_cv_pr_auc_sd": float(best["pr_auc_sd"]),
            "best_cv_roc_auc": float(best["roc_auc"]),
            "best_cv_roc_auc_sd": float(best["roc_auc_sd"]),
        },
        exact={
            "best_params": {
                name.removeprefix("model__"): value for name, value in search.best_params_.items()
            }
        },
    )
    stage.say(f"{candidate} PR-AUC {best['pr_auc']:.3f} ± {best['pr_auc_sd']:.3f} over folds")


if __name__ == "__main__":
    run(main)
