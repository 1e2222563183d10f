"""Tune the candidate that cv chose."""

from _stage import Stage, run

import sys

from ecom.models import build_pipeline, path_of
from ecom.params import Features, Folds, Tune
from ecom.search import out_of_fold_scores, random_search, stratified_folds, trials


def main(stage: Stage) -> None:
    params = stage.params(Tune)
    candidate = stage.read_metrics("metrics/cv.json")["selected"]
    feature_set = stage.params(Features).set
    distributions = params.distributions_of(candidate)
    sessions, labels = stage.read_features("data/features/train.parquet")
    folds = stratified_folds(labels, stage.params(Folds))
    search = random_search(
        build_pipeline(candidate, feature_set=feature_set, seed=params.seed),
        sessions,
        labels,
        folds=folds,
        tune=params,
        distributions=distributions,
        progress=sys.stdout.isatty(),
    )
    table = trials(search, distributions)
    best = table.loc[search.best_index_]
    model = search.best_estimator_
    scores = out_of_fold_scores(model, sessions, labels, folds, n_jobs=params.n_jobs)
    stage.write_model("models/best_model.joblib", model)
    stage.write_predictions(
        "data/predictions/best_model_out_of_fold.parquet", sessions, labels, {"score": scores}
    )
    stage.write_table("plots/trials.csv", table.round(6))
    stage.write_metrics(
        "metrics/tune.json",
        {
            "candidate": candidate,
            "feature_set": feature_set,
            "n_iter": len(table),
            "seed": params.seed,
            "best_cv_pr_auc": float(best["pr_auc"]),
            "best_cv_pr_auc_sd": float(best["pr_auc_sd"]),
            "best_cv_roc_auc": float(best["roc_auc"]),
            "best_cv_roc_auc_sd": float(best["roc_auc_sd"]),
        },
        exact={"best_params": {name: search.best_params_[path_of(name)] for name in distributions}},
    )
    stage.say(f"{candidate} PR-AUC {best['pr_auc']:.3f} ± {best['pr_auc_sd']:.3f} over folds")


if __name__ == "__main__":
    run(main)
