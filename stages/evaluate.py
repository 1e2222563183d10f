"""Judge the models on the test rows, which no earlier stage has read, and month after month."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics, write_metrics
from _models import read_model
from _stage import Stage, run
from _tables import read_features, read_table, write_plot, write_predictions, write_table

from typing import TYPE_CHECKING, Any

from ecom.errors import DataError
from ecom.evaluation.assessment import assess
from ecom.evaluation.comparison import Criteria
from ecom.evaluation.learning_curve import judge_shares, shares_table
from ecom.evaluation.metrics import MODELS
from ecom.evaluation.over_time import RANDOM, judge_over_time, months_table
from ecom.features import add_features  # noqa: F401  needed to unpickle the models, as is the next
from ecom.models.averaging import LogOddsAverage  # noqa: F401
from ecom.models.rounding import purchase_scores
from ecom.params.bootstrap import Bootstrap
from ecom.params.evaluate import Evaluate
from ecom.params.features import Features
from ecom.params.threshold import Costs
from ecom.schema import FEATURE_SETS, TARGET, FeatureSet

if TYPE_CHECKING:
    from ecom.results import ThresholdResults


def main(stage: Stage) -> None:
    feature_set, bootstrap = stage.params(Features).set, stage.params(Bootstrap)
    params = stage.params(Evaluate)
    chosen: ThresholdResults = read_metrics(stage, "metrics/threshold.json")
    thresholds = {"baseline": chosen["baseline_threshold"], "best_model": chosen["threshold"]}
    of_sets = {feature_set: chosen["threshold"], **chosen["feature_set_thresholds"]}
    costs = Costs.model_validate(chosen["costs"])
    trivial = chosen["cost_per_1000_sessions_of"]
    models = {name: read_model(stage, f"models/{name}.joblib") for name in MODELS}
    sessions, labels = read_features(stage, "data/features/test.parquet")
    models |= other_sets(stage, feature_set, of_sets)
    scores = {name: purchase_scores(model, sessions) for name, model in models.items()}
    found = assess(
        sessions,
        labels,
        scores,
        feature_set=feature_set,
        policy="flag_none" if trivial["flag_none"] <= trivial["flag_all"] else "flag_all",
        criteria=Criteria(thresholds | of_sets, costs, params.bins, bootstrap),
        params=params,
    )
    for name, tables in found.curves.items():
        for plot, table in tables.items():
            write_plot(stage, f"plots/{name}/{plot}.csv", table)
        metrics = found.metrics[name]
        stage.say(f"{name} PR-AUC {metrics['pr_auc']:.3f}, ROC-AUC {metrics['roc_auc']:.3f}")
    write_plot(stage, "plots/slices.csv", found.slices)
    write_table(stage, "data/predictions/mistakes.csv", found.mistakes)
    best = {name: scores[name] for name in MODELS}
    write_predictions(stage, "data/predictions/test.parquet", sessions, labels, best)
    cross_fit = read_table(stage, "data/predictions/cross_fit.parquet").set_index("row")
    by_month = read_table(stage, "data/predictions/over_time.parquet").set_index("row")
    over_time = judge_over_time(
        by_month.assign(**{RANDOM: cross_fit["best_model_1"]}), feature_set, costs, bootstrap
    )
    write_plot(stage, "plots/over_time.csv", months_table(over_time))
    on_shares = read_table(stage, "data/predictions/learning_curve.parquet").set_index("row")
    learning_curve = judge_shares(on_shares.join(cross_fit[TARGET]), bootstrap, worth=params.worth)
    write_plot(stage, "plots/learning_curve.csv", shares_table(learning_curve))
    parts = {"over_time": over_time, "learning_curve": learning_curve}
    exact = {
        "feature_set": feature_set,
        "thresholds": thresholds,
        "feature_set_thresholds": of_sets,
    }
    write_metrics(stage, "metrics/evaluate.json", {**found.metrics, **parts}, exact=exact)


def other_sets(
    stage: Stage, in_use: FeatureSet, thresholds: dict[FeatureSet, float]
) -> dict[str, Any]:
    """Read the models of the other feature sets."""
    found = read_model(stage, "models/feature_sets.joblib")
    if found["in_use"] != in_use or thresholds.keys() != FEATURE_SETS.keys():
        raise DataError(
            "models/feature_sets.joblib or metrics/threshold.json was computed with another "
            "features.set: run `dvc repro threshold` first"
        )
    models: dict[str, Any] = found["models"]
    return models


if __name__ == "__main__":
    run(main)
