"""Explain why the best model says what it says, column by column."""

from _stage import Stage, run

from ecom.drawing import draw_dependence, draw_importance, draw_sessions
from ecom.explanation import contributions_of, dependence, explain, typical_sessions
from ecom.params import Explain


def main(stage: Stage) -> None:
    params = stage.params(Explain)
    sessions, labels = stage.read_features("data/features/train.parquet")
    model = stage.read_model("models/best_model.joblib")
    rows = sessions.sample(min(params.rows, len(sessions)), random_state=params.seed).sort_index()
    explanation = explain(model, rows, background=sessions)
    importance = explanation.importance
    points = dependence(explanation, rows, params.columns)
    chosen = typical_sessions(labels[rows.index], explanation.log_odds)
    by_session = contributions_of(explanation, rows, chosen)

    table = importance.rename_axis("column").rename("importance").reset_index()
    stage.write_table("plots/explain/importance.csv", table.round(6))
    stage.write_table("plots/explain/dependence.csv", points.round(6))
    stage.write_table("plots/explain/sessions.csv", by_session.round(6))
    stage.write_figure("plots/explain/importance.svg", draw_importance(importance))
    stage.write_figure("plots/explain/dependence.svg", draw_dependence(points))
    stage.write_figure("plots/explain/sessions.svg", draw_sessions(by_session))
    stage.write_metrics(
        "metrics/explain.json",
        {
            "sessions": len(rows),
            "base_log_odds": explanation.base,
            "importance": importance.to_dict(),
        },
    )
    first = ", ".join(f"{name} {value:.2f}" for name, value in importance.iloc[:3].items())
    stage.say(f"mean absolute contribution to the log-odds: {first}")


if __name__ == "__main__":
    run(main)
