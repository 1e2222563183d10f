"""Select the candidate to tune, by cross-validation on the baseline's folds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics, write_metrics
from _stage import Stage, run
from _tables import read_features

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecom.cluster.fitting import fitting_on
from ecom.errors import DataError
from ecom.models.search import compare_candidates, select, stratified_folds
from ecom.params.backend import Backend
from ecom.params.cv import Cv
from ecom.params.features import Features
from ecom.params.folds import Folds

if TYPE_CHECKING:
    from ecom.results import BaselineResults


def main(stage: Stage) -> None:
    params, folds = stage.params(Cv), stage.params(Folds)
    sessions, labels = read_features(stage, "data/features/train.parquet")
    baseline: BaselineResults = read_metrics(stage, "metrics/baseline.json")
    if baseline["folds"] != folds.model_dump():
        raise DataError(
            "metrics/baseline.json was computed from different folds: run `dvc repro baseline` "
            "first"
        )

    def say(candidate: str, metrics: Mapping[str, Any]) -> None:
        pr_auc = metrics["pr_auc"]
        stage.say(f"{candidate} PR-AUC {pr_auc['mean']:.3f} ± {pr_auc['sd']:.3f} over folds")

    where = stage.params(Backend)
    with fitting_on(where):
        candidates = compare_candidates(
            sessions,
            labels,
            folds=stratified_folds(labels, folds),
            cv=params,
            feature_set=stage.params(Features).set,
            n_jobs=where.n_jobs,
            baseline=baseline["by_fold"],
            report=say,
        )
    selected = select(candidates, params.rule)
    beats_baseline = candidates[selected]["pr_auc_minus_baseline"]["mean"] > 0
    write_metrics(
        stage,
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
