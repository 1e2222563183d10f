"""Choose and tune a model for each other feature set, as cv and tune do it for the one in use.

So each set shows what it is worth, not what the settings of another set make of it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import write_metrics
from _models import write_model
from _stage import Stage, run
from _tables import read_features, write_predictions

import numpy as np
from numpy.typing import NDArray

from ecom.cluster.fitting import fitting_on
from ecom.models.candidates import distributions_of
from ecom.models.rounding import round_parameters
from ecom.models.search import (
    best_params,
    out_of_fold_scores,
    select_and_tune,
    stratified_folds,
    trials,
)
from ecom.params.cv import Cv
from ecom.params.features import Features
from ecom.params.folds import Folds
from ecom.params.tune import Tune
from ecom.schema import FEATURE_SETS


def main(stage: Stage) -> None:
    tune, in_use = stage.params(Tune), stage.params(Features).set
    sessions, labels = read_features(stage, "data/features/train.parquet")
    folds = stratified_folds(labels, stage.params(Folds))
    models, metrics, settings = {}, {}, {}
    scores: dict[str, NDArray[np.float64]] = {}
    with fitting_on(tune):
        for name in (name for name in FEATURE_SETS if name != in_use):
            candidate, search = select_and_tune(
                sessions, labels, folds=folds, cv=stage.params(Cv), tune=tune, feature_set=name
            )
            model = search.best_estimator_
            scores[name] = out_of_fold_scores(model, sessions, labels, folds, n_jobs=tune.n_jobs)
            models[name] = round_parameters(model)
            best = trials(search, ()).loc[search.best_index_]
            found = {metric: float(best[metric]) for metric in ("pr_auc", "pr_auc_sd")}
            metrics[name] = {"candidate": candidate, "best_cv": found}
            settings[name] = best_params(search, distributions_of(candidate, tune))
            stage.say(
                f"{name}: {candidate} PR-AUC {found['pr_auc']:.3f} ± {found['pr_auc_sd']:.3f} over "
                "folds"
            )
    write_model(stage, "models/feature_sets.joblib", {"in_use": in_use, "models": models})
    path = "data/predictions/feature_sets_out_of_fold.parquet"
    write_predictions(stage, path, sessions, labels, scores)
    exact = {"best_params": settings, "seed": tune.seed}
    write_metrics(stage, "metrics/feature_sets.json", {"sets": metrics}, exact=exact)


if __name__ == "__main__":
    run(main)
