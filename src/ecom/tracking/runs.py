"""A state of the pipeline as a tree of runs: what each stage was given, found and drew."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from ecom.notation import COST, METRIC_NAMES, bracketed
from ecom.pictures import draw_confusion, draw_curves
from ecom.schema import TARGET
from ecom.states import RECORDER, State

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIPELINE: Final = "ecom-pipeline"
BASELINE: Final = "ecom-baseline"
CV: Final = "ecom-cv"
TUNING: Final = "ecom-tuning"
THRESHOLDING: Final = "ecom-thresholding"
EXPLAINABILITY: Final = "ecom-explainability"

MODEL: Final = "models/best_model.joblib"
CARD: Final = "docs/model_card.md"
# What comparing two tracked models needs.
COMPARED: Final = (
    "dvc.lock", "dvc.yaml", "params.yaml", "requirements.txt", "data/predictions/test.parquet",
    "data/predictions/best_model_out_of_fold.parquet", "metrics/evaluate.json",
    "metrics/threshold.json",
)  # fmt: skip
_FOLD: Final = "_fold_"  # between a metric's name and the number of the fold


@dataclass(frozen=True)
class Run:
    """What one run records.

    Attributes
    ----------
    experiment, name
        Where it belongs, and what it is called there.
    params
        Settings, spelled as in params.yaml.
    metrics
        Figures; a list has one for each fold, which becomes the step.
    files
        Paths of the project.
    figures
        By file name.
    note
        What is told of it, in Markdown.
    children
        Runs below it.
    """

    experiment: str
    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float | list[float]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    figures: Mapping[str, "Figure"] = field(default_factory=dict)
    note: str = ""
    children: tuple["Run", ...] = ()


def runs_of(state: State, name: str) -> Run:
    """Return the runs of a state, one parent above all others.

    Parameters
    ----------
    state
        All of whose stages have run.
    name
        Of the parent.

    Raises
    ------
    ProjectError
        A stage has not run.
    """
    settings = {
        knob: value
        for name, stage in state.lock.items()
        if name != RECORDER  # its own entry is still that of the run before
        for knob, value in settings_of(stage).items()
    }
    paths = sorted(
        out["path"]
        for name, stage in state.lock.items()
        if name != RECORDER
        for out in stage.get("outs", [])
    )

    def under(*folders: str) -> tuple[str, ...]:
        return tuple(path for path in paths if path.startswith(folders))

    evaluate, threshold = state.metrics("evaluate"), state.metrics("threshold")
    explain, tune = state.metrics("explain"), state.metrics("tune")

    def of(*sections: str) -> dict[str, Any]:
        return {knob: value for knob, value in settings.items() if knob.split(".")[0] in sections}

    return Run(
        PIPELINE,
        name,
        params=settings,
        metrics={
            **_flat(evaluate["best_model"]),
            **_flat({"baseline": evaluate["baseline"]}),
            **_flat({"minus_baseline": evaluate["best_model_minus_baseline"]}),
            "threshold": threshold["threshold"],
        },
        files=tuple(dict.fromkeys((*COMPARED, CARD, *under("metrics/")))),
        note=_note(evaluate, tune["candidate"]),
        children=(
            _baseline(state, of("baseline", "features", "folds"), under("plots/baseline/")),
            *_candidates(state, of("cv", "features", "folds")),
            Run(
                TUNING,
                "tune",
                params={**of("tune", "features", "folds"), **tune["best_params"]},
                metrics=_flat(tune, keep=lambda name: name.startswith("best_cv")),
                files=("metrics/tune.json", "plots/trials.csv"),
                children=tuple(_trials(state)),
            ),
            Run(
                THRESHOLDING,
                "threshold",
                params=of("threshold"),
                metrics=_flat(threshold),
                files=(
                    "metrics/threshold.json", "plots/baseline/threshold.csv",
                    "plots/best_model/threshold.csv",
                ),
            ),
            Run(
                PIPELINE,
                "evaluate",
                params=of("evaluate", "bootstrap", "temporal"),
                metrics=_flat(evaluate),
                files=(
                    "metrics/evaluate.json", "data/predictions/mistakes.csv",
                    "data/predictions/test.parquet", "plots/slices.csv",
                    *under("plots/baseline/", "plots/best_model/"),
                ),
                figures={
                    "curves.png": _curves(state, evaluate["thresholds"]),
                    "confusion_matrix.png": draw_confusion(
                        evaluate["best_model"]["confusion_matrix"], "Best model, test rows"
                    ),
                },
            ),
            Run(
                EXPLAINABILITY,
                "explain",
                params=of("explain"),
                metrics=_flat(explain),
                files=("metrics/explain.json", *under("plots/explain/")),
            ),
        ),
    )  # fmt: skip


def _note(evaluate: Mapping[str, Any], candidate: str) -> str:
    metrics = ("pr_auc", "roc_auc", "precision", "recall", COST)
    lines = [
        f"- {METRIC_NAMES[metric]}: {bracketed(evaluate, 'best_model', metric)}"
        for metric in metrics
    ]
    return "\n".join([f"{candidate}, on {evaluate['data']} test sessions:", "", *lines])


def _curves(state: State, thresholds: Mapping[str, float]) -> "Figure":
    table = state.table("data/predictions/test.parquet")
    scores = {name: table[name].to_numpy() for name in thresholds}
    return draw_curves(table[TARGET].to_numpy(), scores, thresholds)


def _baseline(state: State, params: Mapping[str, Any], curves: tuple[str, ...]) -> Run:
    found, on_test = state.metrics("baseline"), state.metrics("evaluate")["baseline"]
    return Run(
        BASELINE,
        "baseline",
        params=params,
        metrics={
            "out_of_fold_pr_auc": found["pr_auc"],
            "out_of_fold_roc_auc": found["roc_auc"],
            **_by_fold(found["by_fold"]),
            **_flat(on_test),
        },
        files=("metrics/baseline.json", *curves),
        figures={
            "confusion_matrix.png": draw_confusion(
                on_test["confusion_matrix"], "Baseline, test rows"
            )
        },
    )


def _candidates(state: State, params: Mapping[str, Any]) -> Iterator[Run]:
    found = state.metrics("cv")
    for name, of in found["candidates"].items():
        yield Run(
            CV,
            name,
            params={**params, "candidate": name, "selected": name == found["selected"]},
            metrics=_by_fold(of),
            files=("metrics/cv.json",),
        )


def _trials(state: State) -> Iterator[Run]:
    table = pd.read_csv(BytesIO(state.read("plots/trials.csv")))
    folds = [str(name) for name in table if _FOLD in str(name)]
    drawn = list(state.metrics("tune")["best_params"])
    for row in table.to_dict("records"):
        by_fold: dict[str, list[float]] = {}
        for name in folds:
            by_fold.setdefault(name.split(_FOLD)[0] + "_by_fold", []).append(row[name])
        means = {name: row[name] for name in ("pr_auc", "pr_auc_sd", "roc_auc", "roc_auc_sd")}
        yield Run(
            TUNING,
            f"trial {row['trial']}",
            params={name: row[name] for name in drawn},
            metrics={**means, **by_fold},
        )


def _by_fold(found: Mapping[str, Any]) -> dict[str, float | list[float]]:
    """Return mean, standard deviation and the folds of each metric."""
    metrics: dict[str, float | list[float]] = {}
    for name, of in found.items():
        metrics |= {name: of["mean"], f"{name}_sd": of["sd"], f"{name}_by_fold": of["folds"]}
    return metrics


def settings_of(locked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the knobs of one stage, with dots, as dvc.lock records them."""
    return {
        knob: value
        for section, content in locked.get("params", {}).get("params.yaml", {}).items()
        for knob, value in _flat_settings(content, section)
    }


def _flat_settings(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, inner in node.items():
            yield from _flat_settings(inner, f"{name}.{key}")
    else:
        yield name, node


def _flat(
    node: Mapping[str, Any], prefix: str = "", keep: Callable[[str], bool] = lambda _: True
) -> dict[str, float | list[float]]:
    """Return the figures of nested metrics, with dots, but for lists and for words."""
    found: dict[str, float | list[float]] = {}
    for key, value in node.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= _flat(value, f"{name}.", keep)
        elif isinstance(value, int | float) and not isinstance(value, bool) and keep(name):
            found[name] = float(value)
    return found
