"""Score every training row several times by models that did not see it: what reviews compare.

The folds are other ones than those that chose the hyperparameters, and each repeat has its own.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics, write_metrics
from _models import read_model
from _stage import Stage, run
from _tables import read_features, read_table, write_table

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from ecom.cluster.fitting import fitting_on
from ecom.evaluation.ranking import ranking_metrics
from ecom.models.cross_fitting import cross_fit, folds_by_key, require_same_scores
from ecom.models.pipelines import build_pipeline, settled_arguments
from ecom.models.rounding import round_parameters
from ecom.models.search import spread
from ecom.params.backend import Backend
from ecom.params.baseline import Baseline
from ecom.params.cross_fit import CrossFit
from ecom.params.features import Features
from ecom.params.folds import Folds
from ecom.schema import TARGET

if TYPE_CHECKING:
    from ecom.results import TuneResults


def main(stage: Stage) -> None:
    params, feature_set = stage.params(CrossFit), stage.params(Features).set
    sessions, labels = read_features(stage, "data/features/train.parquet")
    numbered = read_table(stage, "data/processed/session_keys.csv").set_index("row")
    keys = numbered["session"].loc[sessions.index]
    table = pd.DataFrame({"session": keys, TARGET: labels})
    tuned: TuneResults = read_metrics(stage, "metrics/tune.json")
    models = settled_arguments(tuned, stage.params(Baseline).model_dump(), feature_set)
    folds = {seed: folds_by_key(keys, stage.params(Folds).n_splits, seed) for seed in params.seeds}
    best = build_pipeline(feature_set=feature_set, **models["best_model"]).fit(sessions, labels)
    shipped = read_model(stage, "models/best_model.joblib")
    require_same_scores(shipped, round_parameters(best), sessions)
    metrics, found_scores = {}, {}
    with fitting_on(stage.params(Backend)):
        for name, settings in models.items():
            build = partial(build_pipeline, feature_set=feature_set, **settings)
            found_scores[name] = cross_fit(sessions, labels, build, folds, params.n_jobs)
    for name, scores in found_scores.items():
        columns = {f"{name}_{repeat}": each for repeat, each in enumerate(scores, start=1)}
        table = table.assign(**columns)
        found = [ranking_metrics(labels, each) for each in scores]
        metrics[name] = {
            metric: spread([each[metric] for each in found], "repeats") for metric in found[0]
        }
        pr_auc = metrics[name]["pr_auc"]
        stage.say(f"{name} PR-AUC {pr_auc['mean']:.3f} ± {pr_auc['sd']:.3f} over repeats")
    write_table(stage, "data/predictions/cross_fit.parquet", table.reset_index(names="row"))
    write_metrics(stage, "metrics/cross_fit.json", metrics)


if __name__ == "__main__":
    run(main)
