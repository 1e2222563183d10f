"""Write the model card from what the other stages found."""

from _stage import Stage, run

from ecom.card import write_card
from ecom.params import Folds, Split


def main(stage: Stage) -> None:
    stages = ("validate", "clean", "features", "cv", "tune", "threshold", "evaluate", "explain")
    card = write_card(
        {name: stage.read_metrics(f"metrics/{name}.json") for name in stages},
        stage.read_sessions("plots/slices.csv"),
        stage.read_sessions("data/predictions/mistakes.csv"),
        split=stage.params(Split),
        folds=stage.params(Folds),
    )
    stage.write_text("docs/model_card.md", card)
    stage.say("docs/model_card.md")


if __name__ == "__main__":
    run(main)
