"""Summarise what the other stages found: in a page for people, and in a few figures."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics, write_summary
from _stage import Stage, run
from _tables import read_table

from typing import TYPE_CHECKING, cast

from ecom.params.folds import Folds
from ecom.params.split import Split
from ecom.reporting.card import write_card
from ecom.reporting.headline import headline

if TYPE_CHECKING:
    from ecom.results import Results


def main(stage: Stage) -> None:
    stages = (
        *("validate", "clean", "features", "cv", "tune", "cross_fit", "feature_sets", "threshold"),
        *("evaluate", "explain"),
    )
    found = {name: read_metrics(stage, f"metrics/{name}.json") for name in stages}
    metrics = cast("Results", found)
    card = write_card(
        metrics,
        read_table(stage, "plots/slices.csv"),
        read_table(stage, "data/predictions/mistakes.csv"),
        split=stage.params(Split),
        folds=stage.params(Folds),
    )
    stage.write_text("docs/model_card.md", card)
    summary = headline(metrics)
    exact = {"threshold": summary["threshold"]}
    write_summary(stage, "metrics/summary.json", summary, exact)
    stage.say("docs/model_card.md")


if __name__ == "__main__":
    run(main)
