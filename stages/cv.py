"""Choose the candidate that earns tuning, by cross-validation on the baseline's folds."""

from _stage import Stage, run

from typing import Any

from ecom.errors import DataError
from ecom.models import build_pipeline
from ecom.params import CANDIDATES, Cv, Features, Folds
from ecom.search import (
    fold_metrics,
    out_of_fold_scores,
    paired_difference,
    select,
    stratified_folds,
)


def main(stage: Stage) -> None:
    params = stage.params(Cv)
    sessions, labels = stage.read_features("data/features/train.parquet")
    baseline = stage.read_metrics("metrics/baseline.json")
    folds = stage.params(Folds)
    if baseline["folds"] != folds.model_dump():
        raise DataError("metrics/baseline.json is of other folds: run `dvc repro baseline` first")
    splitter = stratified_folds(labels, folds)
    candidates: dict[str, Any] = {}
    simpler: str | None = None
    for candidate in sorted(params.candidates, key=CANDIDATES.index):
        pipeline = build_pipeline(
            candidate, feature_set=stage.params(Features).set, seed=params.seed
        )
        scores = out_of_fold_scores(pipeline, sessions, labels, splitter)
        metrics = fold_metrics(labels, scores, splitter)
        references = {"baseline": baseline["by_fold"]}
        if simpler:
            references[simpler] = candidates[simpler]
        candidates[candidate] = metrics | {
            f"{metric}_minus_{name}": paired_difference(
                metrics[metric]["folds"], reference[metric]["folds"]
            )
            for name, reference in references.items()
            for metric in metrics
        }
        simpler = candidate
        pr_auc = metrics["pr_auc"]
        stage.say(f"{candidate} PR-AUC {pr_auc['mean']:.3f} ± {pr_auc['sd']:.3f} over folds")
    selected = select(candidates, params.rule)
    beats_baseline = candidates[selected]["pr_auc_minus_baseline"]["mean"] > 0
    stage.write_metrics(
        "metrics/cv.json",
        {
            "candidates": candidates,
            "rule": params.rule,
            "selected": selected,
            "beats_baseline": beats_baseline,
        },
    )
    stage.say(
        f"selected {selected}" + ("" if beats_baseline else ": it does not beat the baseline")
    )


if __name__ == "__main__":
    run(main)
