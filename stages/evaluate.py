"""Judge baseline and best model on the test rows, which no earlier stage has read."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics, write_metrics
from _models import read_model
from _stage import Stage, run
from _tables import read_features, write_plot, write_predictions, write_table

from typing import TYPE_CHECKING, Any

from ecom.errors import DataError
from ecom.evaluation.assessment import assess
from ecom.evaluation.comparison import Criteria
from ecom.evaluation.metrics import MODELS
from ecom.evaluation.periods import earlier, refit_params
from ecom.evaluation.temporal import ScoredSessions
from ecom.features import add_features  # noqa: F401  needed to unpickle the models, as is the next
from ecom.models.averaging import LogOddsAverage  # noqa: F401
from ecom.models.rounding import purchase_scores
from ecom.params.bootstrap import Bootstrap
from ecom.params.evaluate import Evaluate
from ecom.params.features import Features
from ecom.params.temporal import Temporal
from ecom.params.threshold import Costs

if TYPE_CHECKING:
    from ecom.results import ThresholdResults


def main(stage: Stage) -> None:
    params, feature_set = stage.params(Evaluate), stage.params(Features).set
    temporal = stage.params(Temporal)
    chosen: ThresholdResults = read_metrics(stage, "metrics/threshold.json")
    thresholds = {"baseline": chosen["baseline_threshold"], "best_model": chosen["threshold"]}
    costs = Costs.model_validate(chosen["costs"])
    refits = read_model(stage, "models/refits.joblib")
    if refits["params"] != refit_params(feature_set, temporal):
        raise DataError(
            "models/refits.joblib was computed with other params: run `dvc repro refit` first"
        )
    models = {name: read_model(stage, f"models/{name}.joblib") for name in MODELS}
    earlier_models = {
        name: model for name, model in refits["models"].items() if name in map(earlier, MODELS)
    }
    train = read_scored(stage, "data/features/train.parquet", earlier_models)
    test = read_scored(stage, "data/features/test.parquet", models | refits["models"])
    found = assess(
        train,
        test,
        feature_set=feature_set,
        test_months=temporal.test_months,
        criteria=Criteria(thresholds, costs, params.bins, stage.params(Bootstrap)),
        params=params,
    )
    for name, tables in found.curves.items():
        for plot, table in tables.items():
            write_plot(stage, f"plots/{name}/{plot}.csv", table)
        metrics = found.metrics[name]
        stage.say(f"{name} PR-AUC {metrics['pr_auc']:.3f}, ROC-AUC {metrics['roc_auc']:.3f}")
    write_plot(stage, "plots/slices.csv", found.slices)
    write_table(stage, "data/predictions/mistakes.csv", found.mistakes)
    scores = {name: test.scores[name] for name in MODELS}
    write_predictions(stage, "data/predictions/test.parquet", test.sessions, test.labels, scores)
    exact = {"feature_set": feature_set, "thresholds": thresholds}
    write_metrics(stage, "metrics/evaluate.json", found.metrics, exact=exact)


def read_scored(stage: Stage, path: str, models: dict[str, Any]) -> ScoredSessions:
    """Read sessions and score them by each model."""
    sessions, labels = read_features(stage, path)
    scores = {name: purchase_scores(model, sessions) for name, model in models.items()}
    return ScoredSessions(sessions, labels, scores)


if __name__ == "__main__":
    run(main)
