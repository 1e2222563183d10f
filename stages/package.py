"""Write the best model as a package, once its graph answers as the model does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics
from _models import read_model
from _stage import Stage, run
from _tables import read_features

import hashlib
from typing import TYPE_CHECKING

from ecom.features import add_features  # noqa: F401  needed to unpickle the model, as is the next
from ecom.models.averaging import LogOddsAverage  # noqa: F401
from ecom.models.packaging import Findings, Fitted, package
from ecom.params.package import Package

if TYPE_CHECKING:
    from ecom.results import TuneResults


def main(stage: Stage) -> None:
    tuned: TuneResults = read_metrics(stage, "metrics/tune.json")
    made_of = ("models/best_model.joblib", "metrics/threshold.json", "metrics/evaluate.json")
    files, gaps = package(
        Fitted(
            tuned["candidate"],
            tuned["feature_set"],
            read_model(stage, "models/best_model.joblib"),
        ),
        Findings(
            read_metrics(stage, "metrics/threshold.json"),
            read_metrics(stage, "metrics/evaluate.json"),
            stage.dep("plots/best_model/threshold.csv").read_bytes(),
            stage.dep("docs/model_card.md").read_bytes(),
            {path: md5(stage.dep(path)) for path in made_of},
        ),
        {
            "training rows": read_features(stage, "data/features/train.parquet")[0],
            "test rows": read_features(stage, "data/features/test.parquet")[0],
        },
        stage.params(Package),
    )
    for name, content in files.items():
        with stage.out(f"models/package/{name}") as temporary:
            temporary.write_bytes(content)
    for name, gap in gaps.items():
        stage.say(f"graph and model differ by at most {gap:.1g} on {name}")


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    run(main)
