"""A package of a fitted candidate: a graph that answers as it does, and what to know of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ecom.digits import round_scores, significant
from ecom.errors import ExportError
from ecom.models.averaging import log_odds
from ecom.models.candidates import CANDIDATES
from ecom.models.export import export
from ecom.models.export_explanation import export_explanation
from ecom.models.parity import (
    WHERE,
    require_parity,
    sessions_at_bounds,
    sessions_of_schema,
    sessions_on_splits,
    typical_sessions,
)
from ecom.schema import COLUMNS, FEATURE_SETS, FEATURES, FeatureSet
from ecom.serving.manifest import (
    CARD,
    EXPLANATION,
    GOLDEN,
    MANIFEST,
    MODEL,
    PROFILE,
    SWEEP,
    TRAINED_ON,
    Manifest,
    PackagedCosts,
    PackagedFigure,
    PackagedFile,
    packaged_columns,
)
from ecom.serving.scoring import load_graph, text_inputs
from ecom.serving.training import session_hashes, write_hashes

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ecom.params.package import Package
    from ecom.results import EvaluateResults, ThresholdResults

MADE_WITH: Final = ("ndonnx", "numpy", "onnx", "onnxruntime", "scikit-learn", "spox")
EXPLAINED: Final = 100  # training rows whose contributions are added up
TOLERANCE: Final = 1e-12  # of their sum, as a share of all that is added up, at least of 1
_TYPES: Final = {column.name: column.type for column in COLUMNS}


@dataclass(frozen=True)
class Fitted:
    """A model.

    Attributes
    ----------
    candidate
        Name in `ecom.models.candidates.CANDIDATES`.
    feature_set
        Which columns it sees.
    pipeline
        Fitted.
    """

    candidate: str
    feature_set: FeatureSet
    pipeline: "Pipeline"


@dataclass(frozen=True)
class Findings:
    """What is known of a model.

    Attributes
    ----------
    threshold, evaluate
        What the stages of these names found.
    sweep
        What each threshold gives, as CSV.
    card
        The model card.
    profile
        How sessions and scores are distributed, as JSON.
    made_of
        MD5 of the files that the package is made of, by path.
    """

    threshold: "ThresholdResults"
    evaluate: "EvaluateResults"
    sweep: bytes
    card: bytes
    profile: bytes
    made_of: Mapping[str, str]


def package(
    fitted: Fitted,
    findings: Findings,
    sessions: Mapping[str, pd.DataFrame],
    params: "Package",
) -> tuple[dict[str, bytes], dict[str, float]]:
    """Make a package, once its graph answers as the model does.

    Parameters
    ----------
    fitted, findings
        The model, and what is known of it.
    sessions
        Raw sessions with all columns, by the name of their set; the first set is that the model was
        fitted to.
    params
        Section of params.yaml.

    Returns
    -------
    tuple
        Content of each file by name; and for each set of sessions, by how much a probability of
        the graph differs from the model's at most, and the log-odds from what contributions add
        up to, as a share of all that is added up.

    Raises
    ------
    ExportError
        The model cannot be written as a graph, or the graph answers otherwise.
    """
    model, threshold = fitted.pipeline, findings.threshold["threshold"]
    columns = list(FEATURE_SETS[fitted.feature_set])
    fitted_to = next(iter(sessions.values()))
    given = {name: table[columns] for name, table in sessions.items()}
    train = next(iter(given.values()))
    content = export(fitted.candidate, model, columns).SerializeToString(deterministic=True)
    typical, bounds, splits = (
        typical_sessions(train),
        sessions_at_bounds(train),
        sessions_on_splits(fitted.candidate, model, train, params.seed),
    )
    drawn = sessions_of_schema(columns, params.rows, params.seed)
    sets = given | {
        "sessions drawn from the schema": drawn,
        "typical sessions": typical,
        "sessions at bounds of the schema": bounds,
        "sessions next to a split of a tree": splits,
    }
    run = _runner(content, "probability", "log_odds")

    def score(table: pd.DataFrame) -> Any:
        return run(table)[0]

    gaps = {
        f"{len(table):,} {name}": require_parity(name, model, score, table, threshold)
        for name, table in sets.items()
    }
    # What an interface takes: beside a split of a count lie numbers that are none.
    sound = splits[_are_whole(splits)]
    few = sound.iloc[np.linspace(0, len(sound) - 1, min(params.golden, len(sound))).astype(int)]
    near = _next_to_threshold(score, pd.concat([sound, drawn], ignore_index=True), threshold)
    kept = pd.concat([typical, bounds, few, near], ignore_index=True)
    explanation = export_explanation(fitted.candidate, model, columns, train)
    explained = explanation.SerializeToString(deterministic=True)
    summed = pd.concat([kept, train.head(EXPLAINED)], ignore_index=True)
    contributions, base = _runner(explained, "contributions", "base")(summed)
    gaps["the log-odds that contributions add up to"] = _require_sums(
        np.insert(contributions, 0, base, axis=1), run(summed)[1]
    )
    golden = _golden(model, contributions[: len(kept)], kept, threshold)
    files = {
        MODEL: content,
        EXPLANATION: explained,
        GOLDEN: (json.dumps(golden, indent=1, sort_keys=True) + "\n").encode(),
        SWEEP: findings.sweep,
        CARD: findings.card,
        PROFILE: findings.profile,
        TRAINED_ON: write_hashes(
            session_hashes({name: fitted_to[name].to_numpy() for name in FEATURES}, FEATURES)
        ),
    }
    manifest = Manifest(
        data=findings.evaluate["data"],
        candidate=fitted.candidate,
        description=CANDIDATES[fitted.candidate].description,
        feature_set=fitted.feature_set,
        columns=packaged_columns(fitted.feature_set),
        threshold=threshold,
        strategy=findings.threshold["strategy"],
        costs=PackagedCosts.model_validate(findings.threshold["costs"]),
        figures={
            name: PackagedFigure(value=findings.evaluate["best_model"][name], interval=(low, high))  # type: ignore[literal-required]
            for name, (low, high) in findings.evaluate["intervals"]["best_model"].items()
        },
        made_of=findings.made_of,
        made_with={name: version(name) for name in MADE_WITH},
        files={name: PackagedFile.of(content) for name, content in files.items()},
    )
    return files | {MANIFEST: manifest.to_json().encode()}, gaps


def _runner(content: bytes, *outputs: str) -> Callable[[pd.DataFrame], list[Any]]:
    """Return a function that runs a graph on raw sessions."""
    graph = load_graph(content)
    texts = text_inputs(graph)

    def answer(sessions: pd.DataFrame) -> list[Any]:
        inputs = {
            name: sessions[name].to_numpy(object if text else np.float64)
            for name, text in texts.items()
        }
        answers: list[Any] = graph.run(list(outputs), inputs)
        return answers

    return answer


def _require_sums(parts: Any, odds: Any) -> float:
    """Refuse rows of parts that do not add up to the log-odds; return the largest difference.

    A linear model has parts of many millions at the bounds of the schema, so that a difference
    is told as a share of what is added up, or of 1 where that is less.
    """
    size = np.maximum(np.abs(parts).sum(axis=1), 1)
    gap = float((np.abs(parts.sum(axis=1) - odds) / size).max())
    if not gap < TOLERANCE:
        raise ExportError(
            f"the contributions of {EXPLANATION} differ from the log-odds of {MODEL} by {gap:.2g}; "
            f"expected less than {TOLERANCE:g}"
        )
    return gap


def _next_to_threshold(score: Any, sessions: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return the sessions whose scores are nearest to the threshold, on either side."""
    scores = round_scores(score(sessions))
    sides = [np.flatnonzero(side) for side in (scores < threshold, scores >= threshold)]
    nearest = [side[np.abs(scores[side] - threshold).argmin()] for side in sides if len(side)]
    return sessions.iloc[nearest].assign(**{WHERE: "next to the threshold"})


def _are_whole(sessions: pd.DataFrame) -> Any:
    """Tell which sessions have whole numbers where the schema asks for them."""
    counts = sessions[[name for name in sessions if _TYPES.get(str(name)) == "integer"]]
    return (counts == counts.round()).all(axis=1)


def _golden(
    model: "Pipeline", contributions: Any, sessions: pd.DataFrame, threshold: float
) -> list[dict[str, Any]]:
    """Return sessions with what they must get, so that whoever runs the graphs can check them."""
    raw = sessions.drop(columns=WHERE)
    contributions = significant(contributions)
    scores = round_scores(model.predict_proba(raw)[:, 1])
    odds = significant(log_odds(model, raw))
    return [
        {
            "where": sessions[WHERE].iloc[place],
            "session": {str(name): _as_json(str(name), value) for name, value in session.items()},
            "log_odds": float(odds[place]),
            "contributions": contributions[place].tolist(),
            "probability": float(scores[place]),
            "flagged": bool(scores[place] >= threshold),
        }
        for place, session in enumerate(raw.to_dict("records"))
    ]


def _as_json(name: str, value: Any) -> str | float | bool:
    kind = _TYPES[name]
    if kind == "category":
        return str(value)
    if kind == "boolean":
        return bool(value)
    return int(value) if kind == "integer" and value == int(value) else float(value)
