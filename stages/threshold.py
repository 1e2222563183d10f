"""Choose from which score on a session is flagged, on out-of-fold scores of the training rows."""

from _stage import Stage, run

from ecom.curves import sweep
from ecom.evaluation import count_flagged, only, trivial_costs
from ecom.params import Bootstrap, Threshold
from ecom.schema import TARGET
from ecom.thresholds import break_even, operating_point, require_reached


def main(stage: Stage) -> None:
    params, bootstrap = stage.params(Threshold), stage.params(Bootstrap)
    points, thresholds, trivial = {}, {}, {}
    for name in ("baseline", "best_model"):
        table = stage.read_sessions(f"data/predictions/{name}_out_of_fold.parquet")
        labels, scores = table[TARGET].to_numpy(), table["score"].to_numpy()
        if name == "best_model":
            require_reached(labels, scores, params)
        points[name] = operating_point(labels, scores, params, bootstrap)
        thresholds[name] = points[name].pop("threshold")
        counts = count_flagged(labels, scores)
        trivial = only(trivial_costs(counts, params.costs))
        curve = sweep(counts, params.costs, thresholds[name])
        stage.write_table(f"plots/{name}/threshold.csv", curve.round(6))
    stage.write_metrics(
        "metrics/threshold.json",
        {
            **points["best_model"],
            "baseline": points["baseline"],
            "break_even": break_even(params.costs),
            "cost_per_1000_sessions_of": trivial,
        },
        exact={
            "strategy": params.strategy,
            "costs": params.costs.model_dump(),
            "threshold": thresholds["best_model"],
            "baseline_threshold": thresholds["baseline"],
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
