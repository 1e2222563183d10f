"""Refit the tuned model as it would be on other columns, and before the last months.

Its figures, in evaluate, tell what the feature set is worth, and how a split in time turns out.
"""

from _stage import Stage, run

from sklearn.pipeline import Pipeline

from ecom.errors import DataError
from ecom.models import build_pipeline
from ecom.params import Baseline, Features, Temporal
from ecom.schema import FEATURE_SETS
from ecom.temporal import earlier, rows_before


def main(stage: Stage) -> None:
    feature_set, temporal = stage.params(Features).set, stage.params(Temporal)
    tuned = stage.read_metrics("metrics/tune.json")
    if tuned["feature_set"] != feature_set:
        raise DataError("metrics/tune.json is of another features.set: run `dvc repro tune` first")
    sessions, labels = stage.read_features("data/features/train.parquet")
    best = {"candidate": tuned["candidate"], "seed": tuned["seed"], **tuned["best_params"]}
    other = next(name for name in FEATURE_SETS if name != feature_set)
    refits: dict[str, Pipeline] = {
        other: build_pipeline(**best, feature_set=other).fit(sessions, labels)
    }
    if temporal.test_months:
        before = rows_before(sessions["Month"], labels, temporal.test_months)
        bar = {"candidate": "logistic", "C": stage.params(Baseline).C}
        for name, settings in (("baseline", bar), ("best_model", best)):
            pipeline = build_pipeline(**settings, feature_set=feature_set)
            refits[earlier(name)] = pipeline.fit(sessions[before], labels[before])
    knobs = {"features.set": feature_set, **temporal.model_dump()}
    stage.write_model("models/refits.joblib", {"knobs": knobs, "models": refits})
    stage.say(f"{tuned['candidate']} as {', '.join(refits)}")


if __name__ == "__main__":
    run(main)
