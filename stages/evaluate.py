"""Judge baseline and best model on the test rows, which no earlier stage has read."""

from _stage import Stage, run

from typing import TYPE_CHECKING, Any

from ecom.averaging import LogOddsAverage  # noqa: F401  the models unpickle it, as the next
from ecom.comparison import compare_models, compare_scores
from ecom.curves import curves
from ecom.errors import DataError
from ecom.evaluation import confusion_matrix
from ecom.features import add_features  # noqa: F401
from ecom.params import Bootstrap, Costs, Evaluate, Features, Temporal
from ecom.slices import confident_mistakes, slice_metrics, worst_slices
from ecom.temporal import judge_over_time

if TYPE_CHECKING:
    import pandas as pd


def main(stage: Stage) -> None:
    params, bootstrap = stage.params(Evaluate), stage.params(Bootstrap)
    feature_set, temporal = stage.params(Features).set, stage.params(Temporal)
    chosen = stage.read_metrics("metrics/threshold.json")
    thresholds = {"baseline": chosen["baseline_threshold"], "best_model": chosen["threshold"]}
    judging: dict[str, Any] = {"bins": params.bins, "bootstrap": bootstrap}
    operating: dict[str, Any] = {
        "thresholds": thresholds,
        "costs": Costs.model_validate(chosen["costs"]),
    }
    sessions, labels = stage.read_features("data/features/test.parquet")
    refits = stage.read_model("models/refits.joblib")
    if refits["knobs"] != {"features.set": feature_set, **temporal.model_dump()}:
        raise DataError("models/refits.joblib is of other knobs: run `dvc repro refit` first")
    models = {name: stage.read_model(f"models/{name}.joblib") for name in thresholds}
    scores = scores_of(models | refits["models"], sessions)

    metrics = compare_models(labels, scores, **operating, **judging)
    metrics["feature_sets"] = compare_scores(
        labels,
        scores | {feature_set: scores["best_model"]},
        {"end_of_session_minus_at_arrival": ("end_of_session", "at_arrival")},
        **judging,
    )
    if temporal.test_months:
        train, train_labels = stage.read_features("data/features/train.parquet")
        metrics["temporal"] = judge_over_time(
            (train_labels, train["Month"], scores_of(refits["models"], train)),
            (labels, sessions["Month"], scores),
            temporal.test_months,
            **operating,
            **judging,
        )
    slices = slice_metrics(
        sessions,
        labels,
        scores["best_model"],
        threshold=thresholds["best_model"],
        small=params.small_slice,
        bootstrap=bootstrap,
    )
    metrics["worst_slices"] = worst_slices(slices)
    for name, threshold in thresholds.items():
        metrics[name]["confusion_matrix"] = confusion_matrix(labels, scores[name], threshold)
        tables = curves(labels, scores[name], threshold, operating["costs"], params.bins)
        for plot, points in tables.items():
            stage.write_table(f"plots/{name}/{plot}.csv", points.round(6))
        stage.say(
            f"{name} PR-AUC {metrics[name]['pr_auc']:.3f}, ROC-AUC {metrics[name]['roc_auc']:.3f}"
        )
    stage.write_table("plots/slices.csv", slices.round(6))
    stage.write_table(
        "data/predictions/mistakes.csv",
        confident_mistakes(sessions, labels, scores["best_model"], params.mistakes),
    )
    stage.write_predictions(
        "data/predictions/test.parquet", sessions, labels, {name: scores[name] for name in models}
    )
    stage.write_metrics(
        "metrics/evaluate.json",
        metrics,
        exact={"feature_set": feature_set, "thresholds": thresholds},
    )


def scores_of(models: dict[str, Any], sessions: "pd.DataFrame") -> dict[str, Any]:
    """Return the probability of a purchase of each session, by model."""
    return {name: model.predict_proba(sessions)[:, 1] for name, model in models.items()}


if __name__ == "__main__":
    run(main)
