"""The report: what the stages found, in one page that needs no network and no server."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from markupsafe import Markup

from ecom.evaluation.counts import count_flagged
from ecom.evaluation.metrics import COST
from ecom.evaluation.resampling import LEVEL
from ecom.models.candidates import CANDIDATES
from ecom.params.threshold import Costs
from ecom.project.files import (
    BEST_MODEL,
    DEPENDENCE_FIGURE,
    IMPORTANCE,
    LEARNING_CURVE,
    LOCK,
    OVER_TIME,
    PREDICTIONS,
    RAW,
    SESSIONS_FIGURE,
    SLICES,
    TRIALS,
    curve,
    metrics_file,
)
from ecom.project.lock import RECORDER
from ecom.project.repository import git
from ecom.project.states import State, folder_state
from ecom.reporting import charts
from ecom.reporting.cells import metric_name, with_interval
from ecom.reporting.charts import MODEL_NAMES
from ecom.reporting.feature_sets import trust, uses, worth
from ecom.reporting.summary import COLUMNS, HEADLINE
from ecom.reporting.templates import html_template, own_markup
from ecom.reporting.vega import vega_library
from ecom.schema import TARGET

if TYPE_CHECKING:
    from ecom.results import Results

CARDS: Final = ("pr_auc", "roc_auc", "precision", "recall", COST)  # large figures on top
PLOT_DECIMALS: Final = 5


def write_report(root: Path) -> str:
    """Return the report of a folder's results as HTML.

    Raises
    ------
    ProjectError
        The results are missing, or do not belong to the code, data and params beside them.
    """
    state = folder_state(root)
    state.require_fresh()
    found = state.metrics
    evaluate = found["evaluate"]
    sets = [table for table in (worth(found), trust(found)) if table]
    stages = ("validate", "clean", "features", "cv", "tune", "threshold")
    return html_template("page.html").render(
        evaluate=evaluate,
        level=LEVEL,
        found={stage: found[stage] for stage in stages},  # type: ignore[literal-required]
        headline=[
            (metric_name(metric), *_split(with_interval(evaluate, "best_model", metric)))
            for metric in CARDS
        ],
        description=CANDIDATES[found["tune"]["candidate"]].description,
        table=[
            (metric_name(metric), [_split(with_interval(evaluate, c, metric)) for c in COLUMNS])
            for metric in HEADLINE
        ],
        headings=list(COLUMNS.values()),
        sets=[
            (headings, [[_split(cell) for cell in row] for row in rows]) for headings, rows in sets
        ],
        uses=[use.replace("`", "") for use in uses()],
        page={
            "charts": _charts(state, found),
            "sweeps": _sweeps(state, Costs.model_validate(found["threshold"]["costs"])),
            "thresholds": {
                name: evaluate["thresholds"][column] for column, name in MODEL_NAMES.items()
            },
        },
        figures=[
            (heading, Markup(_svg(state, path)))  # noqa: S704  drawn by the stage explain
            for heading, path in (
                ("Contribution by value", DEPENDENCE_FIGURE),
                ("Three sessions", SESSIONS_FIGURE),
            )
        ],
        lineage=_lineage(root, state),
        stages=_stages(state),
        library=Markup(vega_library(root)),  # noqa: S704  from vl-convert
        style=own_markup("page.css"),
        script=own_markup("page.js"),
    )


def _sweeps(state: State, costs: Costs) -> dict[str, dict[str, list[float]]]:
    """Return what each threshold gives on the test rows, by model: arrays of equal length."""
    table = state.table(PREDICTIONS)
    sweeps = {}
    for column, name in MODEL_NAMES.items():
        counts = count_flagged(table[TARGET], table[column])
        arrays = {
            "precision": counts.precision,
            "recall": counts.recall,
            "false_positive_rate": counts.false_positive_rate,
            "flagged": counts.flagged,
            "true_positives": counts.true_positives,
            "cost": counts.cost(costs),
        }
        sweeps[name] = {
            # Not rounded: a rounded threshold would miss the score that it was taken from.
            "threshold": counts.thresholds.tolist(),
            **{key: np.round(values[0], PLOT_DECIMALS).tolist() for key, values in arrays.items()},
        }
    return sweeps


def _charts(state: State, found: "Results") -> dict[str, charts.Spec]:
    reliability = pd.concat(
        state.table(curve(column, "reliability")).assign(model=name)
        for column, name in MODEL_NAMES.items()
    )
    folds = [
        {"candidate": name, "fold": fold, "pr_auc": value}
        for name, results in found["cv"]["candidates"].items()
        for fold, value in enumerate(results["pr_auc"]["folds"], start=1)
    ]
    slices = state.table(SLICES)
    large = slices[~slices["small"]]
    named = large.assign(value=large["slice"] + ": " + large["value"].astype(str))
    named = named.sort_values("above_chance")
    named["worst"] = named["above_chance"] == named["above_chance"].min()
    recall = ("recall", "recall")
    return {
        "precision-recall": charts.curve(recall, ("precision", "precision")),
        "roc": charts.curve(
            ("false_positive_rate", "false positive rate"),
            ("recall", "true positive rate"),
            diagonal=True,
        ),
        "cost": charts.cost(found["threshold"]["threshold"]),
        "reliability": charts.reliability(_records(reliability)),
        "candidates": charts.candidates(folds),
        "trials": charts.trials(_records(state.table(TRIALS))),
        "slices": charts.slices(_records(named)),
        "over-time": charts.over_time(_named(state, OVER_TIME)),
        "learning-curve": charts.learning_curve(_named(state, LEARNING_CURVE)),
        "importance": charts.importance(_records(state.table(IMPORTANCE))),
    }


def _named(state: State, path: str) -> list[dict[str, Any]]:
    """Return the rows of a table, with models by the names that the report has for them."""
    table = state.table(path)
    return _records(table.assign(model=table["model"].map(MODEL_NAMES)))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as JSON has it: missing values are null."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in table.round(PLOT_DECIMALS).to_dict("records")
    ]


def _lineage(root: Path, state: State) -> list[tuple[str, str]]:
    commit = git(root, "log", "-1", "--format=%H of %cs, %s")
    rows = [("state of the pipeline", state.lock.key)]
    if commit:
        changed = git(root, "status", "--porcelain", LOCK)
        rows.append(("commit", commit + (f" ({LOCK} has changed since)" if changed else "")))
    shown = (RAW, BEST_MODEL, metrics_file("evaluate"))
    return rows + [(path, f"MD5 {state.lock.outs[path]}") for path in shown]


def _stages(state: State) -> list[tuple[str, str, str]]:
    """Return each stage, what it is for, and what it made."""
    return [
        (name, declared.description, ", ".join(state.lock.stages[name].outs))
        for name, declared in state.pipeline.items()
        if name != RECORDER
    ]


def _split(figure: str) -> tuple[str, str]:
    """Separate a figure from its interval."""
    value, _, interval = figure.partition(" (")
    return value, interval.rstrip(")")


def _svg(state: State, path: str) -> str:
    """Return a figure as it can stand within a page."""
    text = state.read(path).decode()
    return text[text.index("<svg") :]
