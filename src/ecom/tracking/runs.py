"""A state of the pipeline as a tree of runs: each stage's params, metrics, files and figures."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ecom.evaluation.metrics import COST
from ecom.notation import flatten
from ecom.project.files import (
    CROSS_FIT,
    EXPLANATION_PLOTS,
    LOCK,
    METRICS,
    MISTAKES,
    MODEL_CARD,
    PARAMS,
    PIPELINE,
    PLOTS,
    PREDICTIONS,
    REQUIREMENTS,
    SLICES,
    TRIALS,
    curve,
    metrics_file,
)
from ecom.project.states import State
from ecom.reporting.cells import metric_name, with_interval
from ecom.reporting.figures import draw_confusion, draw_curves
from ecom.schema import TARGET

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ecom.results import EvaluateResults

PIPELINE_EXPERIMENT: Final = "ecom-pipeline"
BASELINE_EXPERIMENT: Final = "ecom-baseline"
CV_EXPERIMENT: Final = "ecom-cv"
TUNING_EXPERIMENT: Final = "ecom-tuning"
THRESHOLD_EXPERIMENT: Final = "ecom-thresholding"
EXPLANATION_EXPERIMENT: Final = "ecom-explainability"
DESCRIPTIONS: Final = {  # of the experiments, for people who look at MLflow
    PIPELINE_EXPERIMENT: "One run for each state of the pipeline, with its model, and `evaluate` "
    "below it. Open a run to find all others below it.",
    BASELINE_EXPERIMENT: "The brief's logistic regression on the training rows, fold by fold.",
    CV_EXPERIMENT: "Each candidate with its default hyperparameters, fold by fold.",
    TUNING_EXPERIMENT: "The hyperparameter settings that were tried for the selected candidate.",
    THRESHOLD_EXPERIMENT: "The lowest score at which a session is flagged, and what it gives.",
    EXPLANATION_EXPERIMENT: "What each column contributes to the scores.",
}

# What comparing two recorded models needs.
COMPARED: Final = (
    LOCK,
    PIPELINE,
    PARAMS,
    REQUIREMENTS,
    PREDICTIONS,
    CROSS_FIT,
    metrics_file("evaluate"),
    metrics_file("threshold"),
)
NOTED: Final = ("pr_auc", "roc_auc", "precision", "recall", COST)  # in the note of the parent run
CROSS_FIT_PR_AUC: Final = "cross_fit.pr_auc"
_FOLD: Final = "_fold_"  # between a metric's name and the number of the fold

Figures = dict[str, float | list[float]]


@dataclass(frozen=True)
class Run:
    """What one run records.

    Attributes
    ----------
    experiment, name
        The experiment it belongs to, and its name there.
    params
        Values of params.yaml, by dotted name.
    metrics
        Figures by name; a list holds one for each fold, which becomes the step.
    files
        Paths of the project.
    figures
        Figures by file name.
    note
        Its description, in Markdown.
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
        A state in which all stages have run.
    name
        Name of the parent run.

    Raises
    ------
    ProjectError
        A stage has not run.
    """
    settings, evaluate = state.lock.settings, state.metrics["evaluate"]
    all_files = sorted(path for stage in state.lock.results.values() for path in stage.outs)

    def params(*sections: str) -> dict[str, Any]:
        return {key: value for key, value in settings.items() if key.split(".")[0] in sections}

    def files(*folders: str) -> tuple[str, ...]:
        return tuple(path for path in all_files if path.startswith(tuple(f"{f}/" for f in folders)))

    return Run(
        PIPELINE_EXPERIMENT,
        name,
        params=settings,
        metrics={
            **_numbers(evaluate["best_model"]),
            **_numbers({"baseline": evaluate["baseline"]}),
            **_numbers({"minus_baseline": evaluate["best_model_minus_baseline"]}),
            "threshold": state.metrics["threshold"]["threshold"],
            CROSS_FIT_PR_AUC: state.metrics["cross_fit"]["best_model"]["pr_auc"]["mean"],
        },
        files=tuple(dict.fromkeys((*COMPARED, MODEL_CARD, *files(METRICS)))),
        note=_note(evaluate, state.metrics["tune"]["candidate"]),
        children=(
            _baseline(state, params("baseline", "features", "folds"), files(f"{PLOTS}/baseline")),
            *_candidates(state, params("cv", "features", "folds")),
            _tuning(state, params("tune", "features", "folds")),
            Run(
                THRESHOLD_EXPERIMENT,
                "threshold",
                params=params("threshold"),
                metrics=_numbers(state.metrics["threshold"]),
                files=(
                    metrics_file("threshold"),
                    curve("baseline", "threshold"),
                    curve("best_model", "threshold"),
                ),
            ),
            _evaluation(
                state,
                params("evaluate", "bootstrap", "over_time", "learning_curve"),
                files(f"{PLOTS}/baseline", f"{PLOTS}/best_model"),
            ),
            Run(
                EXPLANATION_EXPERIMENT,
                "explain",
                params=params("explain"),
                metrics=_numbers(state.metrics["explain"]),
                files=(metrics_file("explain"), *files(EXPLANATION_PLOTS)),
            ),
        ),
    )


def _note(evaluate: "EvaluateResults", candidate: str) -> str:
    lines = [
        f"- {metric_name(metric)}: {with_interval(evaluate, 'best_model', metric)}"
        for metric in NOTED
    ]
    return "\n".join([f"{candidate}, on {evaluate['data']} test sessions:", "", *lines])


def _baseline(state: State, params: Mapping[str, Any], curves: tuple[str, ...]) -> Run:
    found, on_test_rows = state.metrics["baseline"], state.metrics["evaluate"]["baseline"]
    return Run(
        BASELINE_EXPERIMENT,
        "baseline",
        params=params,
        metrics={
            "out_of_fold_pr_auc": found["pr_auc"],
            "out_of_fold_roc_auc": found["roc_auc"],
            **_by_fold(found["by_fold"]),
            **_numbers(on_test_rows),
        },
        files=(metrics_file("baseline"), *curves),
        figures={
            "confusion_matrix.png": draw_confusion(
                on_test_rows["confusion_matrix"], "Baseline, test rows"
            )
        },
    )


def _candidates(state: State, params: Mapping[str, Any]) -> Iterator[Run]:
    found = state.metrics["cv"]
    for name, results in found["candidates"].items():
        yield Run(
            CV_EXPERIMENT,
            name,
            params={**params, "candidate": name, "selected": name == found["selected"]},
            metrics=_by_fold(results),
            files=(metrics_file("cv"),),
        )


def _tuning(state: State, params: Mapping[str, Any]) -> Run:
    found = state.metrics["tune"]
    return Run(
        TUNING_EXPERIMENT,
        "tune",
        params={**params, **found["best_params"]},
        metrics=_numbers(found, keep=lambda name: name.startswith("best_cv")),
        files=(metrics_file("tune"), TRIALS),
        children=tuple(_trials(state)),
    )


def _trials(state: State) -> Iterator[Run]:
    table = state.table(TRIALS)
    folds = [str(name) for name in table if _FOLD in str(name)]
    drawn = list(state.metrics["tune"]["best_params"])
    for row in table.to_dict("records"):
        by_fold: dict[str, list[float]] = {}
        for name in folds:
            by_fold.setdefault(name.split(_FOLD)[0] + "_by_fold", []).append(row[name])
        means = {name: row[name] for name in ("pr_auc", "pr_auc_sd", "roc_auc", "roc_auc_sd")}
        yield Run(
            TUNING_EXPERIMENT,
            f"trial {row['trial']}",
            params={name: row[name] for name in drawn},
            metrics={**means, **by_fold},
        )


def _evaluation(state: State, params: Mapping[str, Any], curves: tuple[str, ...]) -> Run:
    found = state.metrics["evaluate"]
    table, thresholds = state.table(PREDICTIONS), found["thresholds"]
    scores = {name: table[name].to_numpy() for name in thresholds}
    return Run(
        PIPELINE_EXPERIMENT,
        "evaluate",
        params=params,
        metrics=_numbers(found),
        files=(metrics_file("evaluate"), MISTAKES, PREDICTIONS, SLICES, *curves),
        figures={
            "curves.png": draw_curves(table[TARGET].to_numpy(), scores, thresholds),
            "confusion_matrix.png": draw_confusion(
                found["best_model"]["confusion_matrix"], "Best model, test rows"
            ),
        },
    )


def _by_fold(found: Mapping[str, Any]) -> Figures:
    """Return mean, standard deviation and the folds of each metric."""
    metrics: Figures = {}
    for name, spread in found.items():
        metrics |= {
            name: spread["mean"],
            f"{name}_sd": spread["sd"],
            f"{name}_by_fold": spread["folds"],
        }
    return metrics


def _numbers(found: Mapping[str, Any], keep: Callable[[str], bool] = lambda _: True) -> Figures:
    """Return the numbers among nested metrics, by dotted name; lists and words are ignored."""
    return {
        name: float(value)
        for name, value in flatten(found).items()
        if isinstance(value, int | float) and not isinstance(value, bool) and keep(name)
    }
