"""Tune the candidate that cv selected."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics, write_metrics
from _models import write_model
from _stage import Stage, run
from _tables import read_features, write_plot, write_predictions

from typing import TYPE_CHECKING

from ecom.cluster.fitting import fitting_on
from ecom.models.candidates import distributions_of
from ecom.models.rounding import round_parameters
from ecom.models.search import (
    best_params,
    out_of_fold_scores,
    stratified_folds,
    trials,
    tune_candidate,
)
from ecom.params.features import Features
from ecom.params.folds import Folds
from ecom.params.tune import Tune

if TYPE_CHECKING:
    from ecom.results import CvResults


def main(stage: Stage) -> None:
    params, feature_set = stage.params(Tune), stage.params(Features).set
    selection: CvResults = read_metrics(stage, "metrics/cv.json")
    candidate = selection["selected"]
    distributions = distributions_of(candidate, params)
    sessions, labels = read_features(stage, "data/features/train.parquet")
    folds = stratified_folds(labels, stage.params(Folds))
    with fitting_on(params):
        search = tune_candidate(
            candidate,
            sessions,
            labels,
            folds=folds,
            tune=params,
            feature_set=feature_set,
            progress=sys.stdout.isatty(),
        )
        model, table = search.best_estimator_, trials(search, distributions)
        scores = out_of_fold_scores(model, sessions, labels, folds, n_jobs=params.n_jobs)
    best = table.loc[search.best_index_]
    write_model(stage, "models/best_model.joblib", round_parameters(model))
    write_predictions(
        stage,
        "data/predictions/best_model_out_of_fold.parquet",
        sessions,
        labels,
        {"score": scores},
    )
    write_plot(stage, "plots/trials.csv", table)
    write_metrics(
        stage,
        "metrics/tune.json",
        {
            "candidate": candidate,
            "feature_set": feature_set,
            "n_iter": len(table),
            "seed": params.seed,
            **{
                f"best_cv_{metric}": float(best[metric])
                for metric in ("pr_auc", "pr_auc_sd", "roc_auc", "roc_auc_sd")
            },
        },
        exact={"best_params": best_params(search, distributions)},
    )
    stage.say(f"{candidate} PR-AUC {best['pr_auc']:.3f} ± {best['pr_auc_sd']:.3f} over folds")


if __name__ == "__main__":
    run(main)
