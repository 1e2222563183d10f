"""Set the bar: the brief's logistic regression, judged on out-of-fold scores."""

from _stage import Stage, run

from ecom.evaluation import ranking_metrics
from ecom.models import build_pipeline
from ecom.params import Baseline, Features, Folds
from ecom.search import fold_metrics, out_of_fold_scores, stratified_folds


def main(stage: Stage) -> None:
    params = stage.params(Baseline)
    sessions, labels = stage.read_features("data/features/train.parquet")
    folds = stage.params(Folds)
    splitter = stratified_folds(labels, folds)
    pipeline = build_pipeline("logistic", feature_set=stage.params(Features).set, C=params.C)
    scores = out_of_fold_scores(pipeline, sessions, labels, splitter)
    stage.write_model("models/baseline.joblib", pipeline.fit(sessions, labels))
    stage.write_predictions(
        "data/predictions/baseline_out_of_fold.parquet", sessions, labels, {"score": scores}
    )
    metrics = ranking_metrics(labels, scores)
    stage.write_metrics(
        "metrics/baseline.json",
        {
            **metrics,
            "by_fold": fold_metrics(labels, scores, splitter),
            "folds": folds.model_dump(),
        },
    )
    stage.say(f"out-of-fold PR-AUC {metrics['pr_auc']:.3f}, ROC-AUC {metrics['roc_auc']:.3f}")


if __name__ == "__main__":
    run(main)
