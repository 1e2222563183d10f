"""Set the bar: the brief's logistic regression, judged on out-of-fold scores."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import write_metrics
from _models import write_model
from _stage import Stage, run
from _tables import read_features, write_predictions

from ecom.evaluation.ranking import ranking_metrics
from ecom.models.pipelines import build_pipeline
from ecom.models.rounding import round_parameters
from ecom.models.search import fold_metrics, out_of_fold_scores, stratified_folds
from ecom.params.baseline import Baseline
from ecom.params.features import Features
from ecom.params.folds import Folds


def main(stage: Stage) -> None:
    params, folds = stage.params(Baseline), stage.params(Folds)
    sessions, labels = read_features(stage, "data/features/train.parquet")
    splitter = stratified_folds(labels, folds)
    pipeline = build_pipeline("logistic", feature_set=stage.params(Features).set, C=params.C)
    scores = out_of_fold_scores(pipeline, sessions, labels, splitter)
    model = round_parameters(pipeline.fit(sessions, labels))
    write_model(stage, "models/baseline.joblib", model)
    write_predictions(
        stage,
        "data/predictions/baseline_out_of_fold.parquet",
        sessions,
        labels,
        {"score": scores},
    )
    metrics = ranking_metrics(labels, scores)
    by_fold = fold_metrics(labels, scores, splitter)
    write_metrics(
        stage,
        "metrics/baseline.json",
        {**metrics, "by_fold": by_fold, "folds": folds.model_dump()},
    )
    stage.say(f"out-of-fold PR-AUC {metrics['pr_auc']:.3f}, ROC-AUC {metrics['roc_auc']:.3f}")


if __name__ == "__main__":
    run(main)
