"""Set the bar: the brief's logistic regression, judged on out-of-fold scores."""

from _stage import Stage, run

from ecom.evaluation import binary_metrics
from ecom.models import build_pipeline
from ecom.params import Baseline, Folds
from ecom.search import fold_metrics, out_of_fold_scores, stratified_folds


def main(stage: Stage) -> None:
    params = stage.params(Baseline)
    sessions, labels = stage.read_features("data/features/train.parquet")
    folds = stratified_folds(labels, stage.params(Folds))
    pipeline = build_pipeline("logistic", C=params.C)
    scores = out_of_fold_scores(pipeline, sessions, labels, folds)
    stage.write_model("models/baseline.joblib", pipeline.fit(sessions, labels))
    metrics = binary_metrics(labels, scores, params.threshold)
    stage.write_metrics(
        "metrics/baseline.json",
        {**metrics, "by_fold": fold_metrics(labels, scores, folds)},
    )
    stage.say(f"out-of-fold PR-AUC {metrics['pr_auc']:.3f}, ROC-AUC {metrics['roc_auc']:.3f}")


if __name__ == "__main__":
    run(main)
