"""The page: what the stages found, in one file that needs no network and no server."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ecom.evaluation import count_flagged
from ecom.notation import COST, METRIC_NAMES, bracketed
from ecom.params import Costs
from ecom.report import charts
from ecom.repository import git
from ecom.schema import TARGET
from ecom.states import RECORDER, State, folder_state
from ecom.summary import HEADINGS, METRICS, SIDES

SIDE_OF: Final = dict(zip(charts.MODELS, ("baseline", "best_model"), strict=True))
HEADLINE: Final = ("pr_auc", "roc_auc", "precision", "recall", COST)
PICTURES: Final = ("plots/explain/dependence.svg", "plots/explain/sessions.svg")
DECIMALS: Final = 5


@dataclass(frozen=True)
class Sources:
    """Where a state's results stand: its metrics, tables and pictures."""

    state: State

    def csv(self, path: str) -> pd.DataFrame:
        """Return a table."""
        return pd.read_csv(BytesIO(self.state.read(path)))

    def rows(self, table: pd.DataFrame) -> list[dict[str, Any]]:
        """Return a table as JSON holds it: missing values are null."""
        rounded = table.round(DECIMALS)
        return [
            {str(name): None if pd.isna(value) else value for name, value in row.items()}
            for row in rounded.to_dict("records")
        ]


def write_report(root: Path) -> str:
    """Return the report of a folder's results as HTML.

    Raises
    ------
    ProjectError
        The results are not there, or are not of the code, data and knobs beside them.
    """
    state = folder_state(root)
    state.require_fresh()
    found = {
        stage: state.metrics(stage)
        for stage in ("validate", "clean", "features", "cv", "tune", "threshold", "evaluate")
    }
    sources = Sources(state)
    evaluate, threshold = found["evaluate"], found["threshold"]
    environment = Environment(
        loader=PackageLoader("ecom", "report"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    sweeps = _sweeps(sources, Costs.model_validate(threshold["costs"]))
    return environment.get_template("page.html").render(
        data=evaluate["data"],
        found=found,
        headline=[
            (METRIC_NAMES[name], *_split(bracketed(evaluate, "best_model", name)))
            for name in HEADLINE
        ],
        table=[
            (METRIC_NAMES[name], *(bracketed(evaluate, side, name) for side in SIDES))
            for name in METRICS
        ],
        headings=HEADINGS,
        page={
            "charts": _charts(sources, found),
            "sweeps": sweeps,
            "thresholds": {model: evaluate["thresholds"][SIDE_OF[model]] for model in SIDE_OF},
        },
        pictures=[Markup(_svg(state, path)) for path in PICTURES],  # noqa: S704  drawn by explain
        lineage=_lineage(root, state),
        stages=_stages(state),
        library=Markup(_library()),  # noqa: S704  of vl-convert
        style=Markup(_part("page.css")),  # noqa: S704  ours
        script=Markup(_part("page.js")),  # noqa: S704
    )


def _sweeps(sources: Sources, costs: Costs) -> dict[str, dict[str, list[float]]]:
    """Return what each threshold gives on the test rows, by model: arrays of equal length."""
    table = sources.state.table("data/predictions/test.parquet")
    sweeps = {}
    for model, column in SIDE_OF.items():
        counts = count_flagged(table[TARGET], table[column])
        flagged, caught = counts.flagged[0], counts.caught[0]
        others = counts.sessions[0, 0] - counts.purchases[0, 0]
        arrays = {
            "threshold": counts.thresholds,
            "precision": counts.precision[0],
            "recall": counts.recall[0],
            "false_positive_rate": (flagged - caught) / others,
            "flagged": flagged,
            "caught": caught,
            "cost": counts.cost(costs)[0],
        }
        sweeps[model] = {
            # Thresholds stay as they are: a rounded one would miss the score it was taken from.
            name: (values if name == "threshold" else np.round(values, DECIMALS)).tolist()
            for name, values in arrays.items()
        }
    return sweeps


def _charts(sources: Sources, found: Mapping[str, Any]) -> dict[str, charts.Spec]:
    reliability = pd.concat(
        sources.csv(f"plots/{side}/reliability.csv").assign(model=model)
        for model, side in SIDE_OF.items()
    )
    folds = [
        {"candidate": name, "fold": fold, "pr_auc": value}
        for name, of in found["cv"]["candidates"].items()
        for fold, value in enumerate(of["pr_auc"]["folds"], start=1)
    ]
    slices = sources.csv("plots/slices.csv")
    large = slices[~slices["small"]]
    named = large.assign(value=large["slice"] + ": " + large["value"].astype(str))
    recall, precision = ("recall", "recall"), ("precision", "precision")
    wrongly = ("false_positive_rate", "false positive rate")
    return {
        "precision-recall": charts.curve(recall, precision),
        "roc": charts.curve(wrongly, ("recall", "true positive rate"), diagonal=True),
        "cost": charts.cost(found["threshold"]["threshold"]),
        "reliability": charts.reliability(sources.rows(reliability)),
        "candidates": charts.candidates(folds),
        "trials": charts.trials(sources.rows(sources.csv("plots/trials.csv"))),
        "slices": charts.slices(sources.rows(named)),
        "importance": charts.importance(sources.rows(sources.csv("plots/explain/importance.csv"))),
    }


def _lineage(root: Path, state: State) -> list[tuple[str, str]]:
    commit = git(root, "log", "-1", "--format=%H of %cs, %s")
    rows = [("state of the pipeline", state.key)]
    if commit:
        changed = git(root, "status", "--porcelain", "dvc.lock")
        rows.append(("commit", commit + (" (dvc.lock changed since)" if changed else "")))
    kept = ("data/raw/", "models/best_model.joblib", "metrics/evaluate.json")
    return rows + [
        (out["path"], f"MD5 {out['md5']}") for out in state.outs if out["path"].startswith(kept)
    ]


def _stages(state: State) -> list[tuple[str, str, str]]:
    """Return each stage with what it is for and what it made."""
    return [
        (name, declared["desc"], ", ".join(out["path"] for out in state.lock[name]["outs"]))
        for name, declared in state.pipeline.items()
        if name != RECORDER
    ]


def _split(figure: str) -> tuple[str, str]:
    """Part a figure from its interval."""
    value, _, interval = figure.partition(" (")
    return value, interval.rstrip(")")


def _svg(state: State, path: str) -> str:
    """Return a picture as it stands inside a page."""
    text = state.read(path).decode()
    return text[text.index("<svg") :]


def _library() -> str:
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def _part(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
