"""What the pipeline found, in one table: for the terminal and for the README."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecom.errors import ProjectError
from ecom.notation import COST, METRIC_NAMES, bracketed, markdown_table

METRICS = ("pr_auc", "roc_auc", "brier", "precision", "recall", COST, "lift_top_10")
STAGES = ("clean", "features", "baseline", "cv", "tune", "threshold", "evaluate")
SIDES = ("baseline", "best_model", "best_model_minus_baseline")
HEADINGS = ("baseline", "best model", "difference, paired")
BEGIN, END = "<!-- results of metrics/: begin -->", "<!-- results of metrics/: end -->"


@dataclass(frozen=True)
class Summary:
    """The headline of one pipeline run.

    Attributes
    ----------
    data
        ``real`` or ``synthetic``.
    facts
        One sentence each on the data and on the choice.
    rows
        Figure by figure: its name, then a cell for each of `HEADINGS`.
    """

    data: str
    facts: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_markdown(self) -> str:
        """Return facts and table as Markdown."""
        table = markdown_table([f"on {self.data} sessions", *HEADINGS], self.rows)
        return "\n".join([*(f"- {fact}" for fact in self.facts), "", table])


def summarise(metrics: Path) -> Summary:
    """Read the metrics folder of a finished run.

    Raises
    ------
    ProjectError
        A stage's metrics are missing.
    """

    def load(stage: str) -> Any:
        path = metrics / f"{stage}.json"
        if not path.exists():
            raise ProjectError(f"{path} is missing: run `dvc repro`")
        return json.loads(path.read_text(encoding="utf-8"))

    found = {stage: load(stage) for stage in STAGES}
    tune, evaluate = found["tune"], found["evaluate"]
    folds = found["baseline"]["by_fold"]["pr_auc"]
    return Summary(
        data=evaluate["data"],
        facts=_facts(found),
        rows=(
            (
                f"PR-AUC, mean ± sd of {len(folds['folds'])} folds",
                f"{folds['mean']:.3f} ± {folds['sd']:.3f}",
                f"{tune['best_cv_pr_auc']:.3f} ± {tune['best_cv_pr_auc_sd']:.3f}",
                "",
            ),
            *(
                (
                    f"{METRIC_NAMES[metric]}, test",
                    *(bracketed(evaluate, side, metric) for side in SIDES),
                )
                for metric in METRICS
            ),
        ),
    )


def _facts(found: Mapping[str, Any]) -> tuple[str, ...]:
    clean, features, cv, tune, threshold, evaluate = (
        found[stage] for stage in ("clean", "features", "cv", "tune", "threshold", "evaluate")
    )
    chosen = cv["candidates"][cv["selected"]]["pr_auc_minus_baseline"]
    low, high = chosen["interval"]
    saved = [
        f"{bracketed(evaluate, f'saved_against_{policy}', COST)} against {name}"
        for policy, name in (
            ("baseline", "the baseline"),
            ("flag_none", "flagging none"),
            ("flag_all", "flagging all"),
        )
    ]
    sets = evaluate["feature_sets"]
    facts = [
        (
            f"{clean['rows_out']:,} {evaluate['data']} sessions "
            f"({clean['duplicates_dropped']:,} duplicates dropped), of which "
            f"{features['train']['rows']:,} to train on and {features['test']['rows']:,} to "
            f"test; {features['test']['positive_rate']:.1%} end in a purchase"
        ),
        (
            f"of {', '.join(sorted(cv['candidates']))}, cv chose {cv['selected']}: PR-AUC "
            f"{chosen['mean']:+.3f} ({low:+.3f} to {high:+.3f}) over the baseline, paired by fold"
        ),
        (
            f"tune tried {tune['n_iter']} settings of it; its folds are those that chose the "
            "best, so trust the test rows more"
        ),
        (
            f"threshold {threshold['threshold']:.3f}, by {threshold['strategy']}; on the test rows "
            f"it saves, in € per 1,000 sessions, {', '.join(saved)}"
        ),
        f"with only what is known at arrival, PR-AUC is {bracketed(sets, 'at_arrival', 'pr_auc')}",
    ]
    if "temporal" in evaluate:
        temporal = evaluate["temporal"]
        facts.append(
            "a random split flatters: trained on the months before, PR-AUC on the "
            f"{temporal['sessions']:,} sessions of the last months is "
            f"{bracketed(temporal, 'best_model', 'pr_auc')}, the baseline's "
            f"{bracketed(temporal, 'baseline', 'pr_auc')}"
        )
    return tuple(facts)


def with_results(readme: str, summary: Summary) -> str:
    """Return a README with the text between the result markers replaced.

    Raises
    ------
    ProjectError
        The markers are not there.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ProjectError(f"README.md needs the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{summary.to_markdown()}\n{END}{after}"
