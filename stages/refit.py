"""Refit the tuned model as it would be on other columns, and before the last months.

Its figures, in evaluate, tell what the feature set is worth, and how much a split in time costs.
"""

from _stage import Stage, run

from sklearn.pipeline import Pipeline

from ecom.errors import DataError
from ecom.models import build_pipeline
from ecom.params import Baseline, Features, Temporal
from ecom.schema import FEATURE_SETS


def main(stage: Stage) -> None:
    feature_set = stage.params(Features).set
    tuned = stage.read_metrics("metrics/tune.json")
    sessions, labels = stage.read_features("data/features/train.parquet")
    best = {"candidate": tuned["candidate"], "seed": tuned["seed"], **tuned["best_params"]}
    other = next(name for name in FEATURE_SETS if name != feature_set)
    refits: dict[str, Pipeline] = {
        other: build_pipeline(**best, feature_set=other).fit(sessions, labels)
    }

    months = stage.params(Temporal).test_months
    earlier = ~sessions["Month"].isin(months)
    if months and labels[earlier].nunique() < labels.nunique():
        raise DataError(
            f"before temporal.first_test_month {months[0]} there are {earlier.sum():,} training "
            "rows, not of both classes: name a later month, or null for no hold-out in time"
        )
    if months:
        bar = stage.params(Baseline).C
        for name, pipeline in (
            ("earlier_baseline", build_pipeline("logistic", feature_set=feature_set, C=bar)),
            ("earlier_best_model", build_pipeline(**best, feature_set=feature_set)),
        ):
            refits[name] = pipeline.fit(sessions[earlier], labels[earlier])
    stage.write_model("models/refits.joblib", refits)
    stage.say(f"{tuned['candidate']} as {', '.join(refits)}")


if __name__ == "__main__":
    run(main)
