"""Write the model card from what the other stages found."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics
from _stage import Stage, run
from _tables import read_table

from typing import TYPE_CHECKING, cast

from ecom.params.folds import Folds
from ecom.params.split import Split
from ecom.reporting.card import write_card

if TYPE_CHECKING:
    from ecom.results import Results


def main(stage: Stage) -> None:
    stages = ("validate", "clean", "features", "cv", "tune", "threshold", "evaluate", "explain")
    metrics = {name: read_metrics(stage, f"metrics/{name}.json") for name in stages}
    card = write_card(
        cast("Results", metrics),
        read_table(stage, "plots/slices.csv"),
        read_table(stage, "data/predictions/mistakes.csv"),
        split=stage.params(Split),
        folds=stage.params(Folds),
    )
    stage.write_text("docs/model_card.md", card)
    stage.say("docs/model_card.md")


if __name__ == "__main__":
    run(main)
