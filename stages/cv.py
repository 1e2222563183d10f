"""Choose the candidate that earns tuning, by cross-validation on the baseline's folds."""

from _stage import Stage, run

from typing import Any

from ecom.models import build_pipeline
from ecom.params import Cv, Folds
from ecom.search import (
    best_by_mean,
    fold_metrics,
    out_of_fold_scores,
    paired_difference,
    stratified_folds,
)


def main(stage: Stage) -> None:
    params = stage.params(Cv)
    sessions, labels = stage.read_features("data/features/train.parquet")
    baseline = stage.read_metrics("metrics/baseline.json")["by_fold"]
    folds = stratified_folds(labels, stage.params(Folds))
    candidates: dict[str, Any] = {}
    for candidate in params.candidates:
        pipeline = build_pipeline(candidate, seed=params.seed)
        scores = out_of_fold_scores(pipeline, sessions, labels, folds)
        by_metric = fold_metrics(labels, scores, folds)
        candidates[candidate] = by_metric | {
            f"{metric}_minus_baseline": paired_difference(
                spread["folds"], baseline[metric]["folds"]
            )
            for metric, spread in by_metric.items()
        }
        pr_auc = by_metric["pr_auc"]
        stage.say(f"{candidate} PR-AUC {pr_auc['mean']:.3f} ± {pr_auc['sd']:.3f} over folds")
    selected = best_by_mean(candidates)
    beats_baseline = candidates[selected]["pr_auc_minus_baseline"]["mean"] > 0
    stage.write_metrics(
        "metrics/cv.json",
        {"candidates": candidates, "selected": selected, "beats_baseline": beats_baseline},
    )
    stage.say(
        f"selected {selected}" + ("" if beats_baseline else ": it does not beat the baseline")
    )


if __name__ == "__main__":
    run(main)
