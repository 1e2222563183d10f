"""Refit the tuned model on the other feature set, and without the last months.

Their metrics, in evaluate, show what the feature set is worth, and how a split in time turns out.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics
from _models import write_model
from _stage import Stage, run
from _tables import read_features

from typing import TYPE_CHECKING

from ecom.evaluation.periods import refit_params
from ecom.models.pipelines import settled_arguments
from ecom.models.refits import refit
from ecom.params.baseline import Baseline
from ecom.params.features import Features
from ecom.params.temporal import Temporal

if TYPE_CHECKING:
    from ecom.results import TuneResults


def main(stage: Stage) -> None:
    feature_set, temporal = stage.params(Features).set, stage.params(Temporal)
    tuned: TuneResults = read_metrics(stage, "metrics/tune.json")
    settings = settled_arguments(tuned, stage.params(Baseline).model_dump(), feature_set)
    sessions, labels = read_features(stage, "data/features/train.parquet")
    refits = refit(
        sessions, labels, settings, feature_set=feature_set, test_months=temporal.test_months
    )
    params = refit_params(feature_set, temporal)
    write_model(stage, "models/refits.joblib", {"params": params, "models": refits})
    stage.say(f"{tuned['candidate']} as {', '.join(refits)}")


if __name__ == "__main__":
    run(main)
