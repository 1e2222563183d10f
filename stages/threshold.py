"""Choose from which score on a session is flagged, on out-of-fold scores of the training rows."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import write_metrics
from _stage import Stage, run
from _tables import read_table, write_plot

from ecom.evaluation.counts import count_flagged
from ecom.evaluation.curves import sweep
from ecom.evaluation.metrics import MODELS, without_resamples
from ecom.evaluation.thresholds import (
    choose_threshold,
    operating_point,
    require_reachable,
    trivial_costs,
)
from ecom.params.bootstrap import Bootstrap
from ecom.params.threshold import Threshold
from ecom.schema import FEATURE_SETS, TARGET


def main(stage: Stage) -> None:
    params, bootstrap = stage.params(Threshold), stage.params(Bootstrap)
    points, thresholds, trivial = {}, {}, {}
    for name in MODELS:
        table = read_table(stage, f"data/predictions/{name}_out_of_fold.parquet")
        labels, scores = table[TARGET].to_numpy(), table["score"].to_numpy()
        if name == "best_model":
            require_reachable(labels, scores, params)
        points[name] = operating_point(labels, scores, params, bootstrap)
        thresholds[name] = points[name].pop("threshold")
        counts = count_flagged(labels, scores)
        trivial = without_resamples(trivial_costs(counts, params.costs))
        curve = sweep(counts, params.costs, thresholds[name])
        write_plot(stage, f"plots/{name}/threshold.csv", curve)
    others = read_table(stage, "data/predictions/feature_sets_out_of_fold.parquet")
    counts_of = {
        name: count_flagged(others[TARGET], others[name]) for name in FEATURE_SETS if name in others
    }
    write_metrics(
        stage,
        "metrics/threshold.json",
        {
            **points["best_model"],
            "baseline": points["baseline"],
            "break_even": params.costs.break_even,
            "cost_per_1000_sessions_of": trivial,
        },
        exact={
            "strategy": params.strategy,
            "costs": params.costs.model_dump(),
            "threshold": thresholds["best_model"],
            "baseline_threshold": thresholds["baseline"],
            "feature_set_thresholds": {
                name: float(choose_threshold(counts, params)[0])
                for name, counts in counts_of.items()
            },
        },
    )
    best = points["best_model"]
    stage.say(
        f"{params.strategy}: from {thresholds['best_model']:.3f} on, precision "
        f"{best['precision']:.3f}, recall {best['recall']:.3f}, "
        f"{best['cost_per_1000_sessions']:,.0f} € per 1,000 sessions"
    )


if __name__ == "__main__":
    run(main)
