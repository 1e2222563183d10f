"""Judge baseline and best model on the test rows, which no earlier stage has read."""

from _stage import Stage, run

from ecom.averaging import LogOddsAverage  # noqa: F401  the models unpickle it, as the next
from ecom.comparison import compare_models, compare_scores
from ecom.errors import DataError
from ecom.evaluation import (
    class_pairs,
    confusion_matrix,
    count_flagged,
    precision_recall_points,
    reliability_points,
    roc_points,
    score_distribution,
)
from ecom.features import add_features  # noqa: F401
from ecom.params import Bootstrap, Costs, Evaluate, Features, Temporal
from ecom.slices import confident_mistakes, slice_metrics, worst_slices
from ecom.thresholds import sweep


def main(stage: Stage) -> None:
    params, bootstrap = stage.params(Evaluate), stage.params(Bootstrap)
    months = stage.params(Temporal).test_months
    chosen = stage.read_metrics("metrics/threshold.json")
    costs = Costs.model_validate(chosen["costs"])
    thresholds = {"baseline": chosen["baseline_threshold"], "best_model": chosen["threshold"]}
    sessions, labels = stage.read_features("data/features/test.parquet")
    late = sessions["Month"].isin(months)
    if months and labels[late].nunique() < labels.nunique():
        raise DataError(
            f"from temporal.first_test_month {months[0]} on there are {late.sum():,} test rows, "
            "not of both classes: name an earlier month, or null for no hold-out in time"
        )
    models = {name: stage.read_model(f"models/{name}.joblib") for name in thresholds}
    models |= stage.read_model("models/refits.joblib")
    scores = {name: model.predict_proba(sessions)[:, 1] for name, model in models.items()}
    judged = {name: scores[name] for name in thresholds}
    scores[stage.params(Features).set] = scores["best_model"]
    judged = {name: scores[name] for name in thresholds}
    metrics = compare_models(
        labels, judged, thresholds, costs=costs, bins=params.bins, bootstrap=bootstrap
    )
    metrics["feature_sets"] = compare_scores(
        labels,
        scores,
        {"end_of_session_minus_at_arrival": ("end_of_session", "at_arrival")},
        bins=params.bins,
        bootstrap=bootstrap,
    )
    if months:
        metrics["temporal"] = {
            "sessions": int(late.sum()),
            "purchases": int(labels[late].sum()),
            **compare_scores(
                labels[late],
                {name: of_model[late] for name, of_model in scores.items()},
                {f"{name}_minus_earlier_{name}": (name, f"earlier_{name}") for name in thresholds},
                bins=params.bins,
                bootstrap=bootstrap,
            ),
        }
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
        plots = {
            "roc": roc_points(labels, scores[name]),
            "precision_recall": precision_recall_points(labels, scores[name]),
            "confusion": class_pairs(labels, scores[name], threshold),
            "reliability": reliability_points(labels, scores[name], params.bins),
            "cost": sweep(count_flagged(labels, scores[name]), costs, threshold),
            "scores": score_distribution(labels, scores[name], 2 * params.bins),
        }
        for plot, points in plots.items():
            stage.write_table(f"plots/{name}/{plot}.csv", points.round(6))
        stage.say(
            f"{name} PR-AUC {metrics[name]['pr_auc']:.3f}, ROC-AUC {metrics[name]['roc_auc']:.3f}"
        )
    stage.write_table("plots/slices.csv", slices.round(6))
    stage.write_table(
        "data/predictions/mistakes.csv",
        confident_mistakes(sessions, labels, scores["best_model"], params.mistakes),
    )
    stage.write_predictions("data/predictions/test.parquet", sessions, labels, judged)
    stage.write_metrics("metrics/evaluate.json", metrics, exact={"thresholds": thresholds})


if __name__ == "__main__":
    run(main)
