"""A package of a small model, without the stages that would make it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecom.evaluation.counts import count_flagged
from ecom.evaluation.curves import sweep
from ecom.models.packaging import Findings, Fitted, package
from ecom.params.package import Package
from ecom.params.threshold import Costs
from ecom.schema import FEATURE_SETS, FeatureSet
from ecom.serving.profile import profile_of
from generated import features_and_labels

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

THRESHOLD: Any = {
    "threshold": 0.15,
    "strategy": "minimum_cost",
    "costs": {"false_positive": 1.0, "false_negative": 5.0},
}
EVALUATE: Any = {
    "data": "synthetic",
    "best_model": {"pr_auc": 0.7},
    "intervals": {"best_model": {"pr_auc": [0.6, 0.8]}},
}


def packaged(
    model: "Pipeline", candidate: str, feature_set: FeatureSet = "end_of_session"
) -> dict[str, bytes]:
    """Return the files of a package of a model that was fitted to the generated sessions."""
    sessions, labels = features_and_labels()
    columns = list(FEATURE_SETS[feature_set])
    scores = model.predict_proba(sessions[columns])[:, 1]
    counts = count_flagged(labels, scores)
    profile = profile_of(
        {name: sessions[name].to_numpy() for name in columns},
        labels,
        scores,
        labels,
        THRESHOLD["threshold"],
    )
    table = sweep(counts, Costs.model_validate(THRESHOLD["costs"]), THRESHOLD["threshold"])
    findings = Findings(
        THRESHOLD,
        EVALUATE,
        table.to_csv(index=False).encode(),
        b"# Card\n",
        profile.to_json().encode(),
        {"models/best_model.joblib": "0" * 32},
    )
    files, _ = package(
        Fitted(candidate, feature_set, model),
        findings,
        {"sessions": sessions},
        Package(rows=100, golden=5, seed=0),
    )
    return files


def written(files: dict[str, bytes], folder: Path) -> Path:
    """Write the files of a package."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
