"""Judge baseline and best model on the test rows, which no earlier stage has read."""

from _stage import Stage, run

from ecom.evaluation import binary_metrics, class_pairs, precision_recall_points, roc_points
from ecom.features import add_features  # noqa: F401  the models unpickle it
from ecom.params import Baseline


def main(stage: Stage) -> None:
    threshold = stage.params(Baseline).threshold
    sessions, labels = stage.read_features("data/features/test.parquet")
    metrics = {}
    for name in ("baseline", "best_model"):
        model = stage.read_model(f"models/{name}.joblib")
        scores = model.predict_proba(sessions)[:, 1]
        metrics[name] = binary_metrics(labels, scores, threshold)
        plots = {
            "roc": roc_points(labels, scores),
            "precision_recall": precision_recall_points(labels, scores),
            "confusion": class_pairs(labels, scores, threshold),
        }
        for plot, points in plots.items():
            stage.write_table(f"plots/{name}/{plot}.csv", points.round(6))
        stage.say(
            f"{name} PR-AUC {metrics[name]['pr_auc']:.3f}, ROC-AUC {metrics[name]['roc_auc']:.3f}"
        )
    stage.write_metrics("metrics/evaluate.json", metrics)


if __name__ == "__main__":
    run(main)
