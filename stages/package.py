"""Write the best model as a package, once its graph answers as the model does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics
from _models import read_model
from _stage import Stage, run
from _tables import read_features, read_table

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from ecom.features import add_features  # noqa: F401  needed to unpickle the model, as is the next
from ecom.models.averaging import LogOddsAverage  # noqa: F401
from ecom.models.packaging import Findings, Fitted, package
from ecom.params.package import Package
from ecom.schema import FEATURE_SETS, TARGET
from ecom.serving.profile import profile_of

if TYPE_CHECKING:
    from ecom.results import ThresholdResults, TuneResults


def main(stage: Stage) -> None:
    tuned: TuneResults = read_metrics(stage, "metrics/tune.json")
    threshold: ThresholdResults = read_metrics(stage, "metrics/threshold.json")
    train, bought = read_features(stage, "data/features/train.parquet")
    test, also_bought = read_features(stage, "data/features/test.parquet")
    scored = read_table(stage, "data/predictions/test.parquet")
    profile = profile_of(
        {
            name: np.concatenate([train[name].to_numpy(), test[name].to_numpy()])
            for name in FEATURE_SETS[tuned["feature_set"]]
        },
        np.concatenate([bought, also_bought]),
        scored["best_model"].to_numpy(),
        scored[TARGET],
        threshold["threshold"],
    )
    made_of = ("models/best_model.joblib", "metrics/threshold.json", "metrics/evaluate.json")
    files, gaps = package(
        Fitted(
            tuned["candidate"],
            tuned["feature_set"],
            read_model(stage, "models/best_model.joblib"),
        ),
        Findings(
            threshold,
            read_metrics(stage, "metrics/evaluate.json"),
            stage.dep("plots/best_model/threshold.csv").read_bytes(),
            stage.dep("docs/model_card.md").read_bytes(),
            profile.to_json().encode(),
            {path: md5(stage.dep(path)) for path in made_of},
        ),
        {"training rows": train, "test rows": test},
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
