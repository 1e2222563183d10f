"""Fit the models to parts of the training rows, and score the others.

To the months before each month: what to expect of months to come, of each feature set, and without
each group of columns. To shares of the rows: whether more sessions would pay. evaluate judges both.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics
from _stage import Stage, run
from _tables import read_features, read_table, write_table

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from ecom.cluster.fitting import fitting_on
from ecom.data.periods import periods_of
from ecom.errors import DataError
from ecom.models.cross_fitting import folds_by_key, key_hashes
from ecom.models.pipelines import build_pipeline, settled_arguments
from ecom.models.refits import scores_on_shares, scores_over_time
from ecom.params.backend import Backend
from ecom.params.baseline import Baseline
from ecom.params.cross_fit import CrossFit
from ecom.params.features import Features
from ecom.params.folds import Folds
from ecom.params.learning_curve import LearningCurve
from ecom.params.over_time import OverTime
from ecom.schema import TARGET

if TYPE_CHECKING:
    from ecom.results import FeatureSetsResults, TuneResults


def main(stage: Stage) -> None:
    feature_set, cross_fit = stage.params(Features).set, stage.params(CrossFit)
    tuned: TuneResults = read_metrics(stage, "metrics/tune.json")
    settings = settled_arguments(tuned, stage.params(Baseline).model_dump(), feature_set)
    sessions, labels = read_features(stage, "data/features/train.parquet")
    models = {
        name: partial(build_pipeline, feature_set=feature_set, **arguments)
        for name, arguments in settings.items()
    }
    others: FeatureSetsResults = read_metrics(stage, "metrics/feature_sets.json")
    if feature_set in others["sets"]:
        raise DataError(
            "metrics/feature_sets.json was computed with another features.set: run "
            "`dvc repro feature_sets` first"
        )
    of_sets: dict[str, Any] = {
        name: partial(
            build_pipeline,
            other["candidate"],
            feature_set=name,
            seed=others["seed"],
            **others["best_params"][name],
        )
        for name, other in others["sets"].items()
    }
    numbered = read_table(stage, "data/processed/session_keys.csv").set_index("row")
    files = list(numbered["part"].unique())  # its rows are in order of time
    numbered = numbered.loc[sessions.index]
    periods = periods_of(sessions["Month"], numbered["part"], files)
    known = pd.DataFrame({"period": periods.astype(str), "place": periods.cat.codes})
    keys, curve = numbered["session"], stage.params(LearningCurve)
    fold = folds_by_key(keys, stage.params(Folds).n_splits, cross_fit.seed)
    with fitting_on(stage.params(Backend)):
        over_time = scores_over_time(
            sessions,
            labels,
            models | of_sets,
            periods=periods,
            months_before=stage.params(OverTime).months_before,
            n_jobs=cross_fit.n_jobs,
        )
        on_shares = scores_on_shares(
            sessions,
            labels,
            models,
            fold=fold,
            order=key_hashes(keys, curve.seed),
            shares=[*curve.shares, 1.0],
            n_jobs=cross_fit.n_jobs,
        )
    known[TARGET] = labels
    write_table(
        stage, "data/predictions/over_time.parquet", known.join(over_time).reset_index(names="row")
    )
    on_shares.insert(0, "fold", pd.Series(fold, sessions.index))
    write_table(
        stage, "data/predictions/learning_curve.parquet", on_shares.reset_index(names="row")
    )
    scored = set(known["period"][over_time.index])
    judged = [period for period in periods.cat.categories if period in scored]
    shares = ", ".join(f"{share:g}" for share in curve.shares)
    stage.say(f"scored {', '.join(judged) or 'no month'} from the months before")
    stage.say(f"fitted to shares {shares} of the training rows")


if __name__ == "__main__":
    run(main)
