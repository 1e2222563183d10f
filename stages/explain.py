"""Explain why the best model says what it says, column by column."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _figures import write_figure
from _metrics import read_metrics, write_metrics
from _models import read_model
from _stage import Stage, run
from _tables import read_features, write_plot

from typing import TYPE_CHECKING

from ecom.models.explanation import contributions_of, dependence, explain, typical_sessions
from ecom.params.explain import Explain
from ecom.reporting.figures import draw_dependence, draw_importance, draw_sessions

if TYPE_CHECKING:
    from ecom.results import TuneResults


def main(stage: Stage) -> None:
    params = stage.params(Explain)
    tuned: TuneResults = read_metrics(stage, "metrics/tune.json")
    sessions, labels = read_features(stage, "data/features/train.parquet")
    model = read_model(stage, "models/best_model.joblib")
    rows = sessions.sample(min(params.rows, len(sessions)), random_state=params.seed).sort_index()
    explanation = explain(tuned["candidate"], model, rows, background=sessions)
    importance = explanation.importance
    points = dependence(explanation, rows, params.columns)
    chosen = typical_sessions(labels[rows.index], explanation.log_odds)
    by_session = contributions_of(explanation, rows, chosen)

    table = importance.rename_axis("column").rename("importance").reset_index()
    write_plot(stage, "plots/explain/importance.csv", table)
    write_plot(stage, "plots/explain/dependence.csv", points)
    write_plot(stage, "plots/explain/sessions.csv", by_session)
    write_figure(stage, "plots/explain/importance.svg", draw_importance(importance))
    write_figure(stage, "plots/explain/dependence.svg", draw_dependence(points))
    write_figure(stage, "plots/explain/sessions.svg", draw_sessions(by_session))
    write_metrics(
        stage,
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
