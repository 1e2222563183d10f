"""What the pipeline found, in one table: for the terminal and for the README."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecom.errors import ProjectError

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
        Figure by figure: its name, the baseline's, the best model's.
    """

    data: str
    facts: tuple[str, ...]
    rows: tuple[tuple[str, str, str], ...]

    def to_markdown(self) -> str:
        """Return facts and table as Markdown."""
        lines = [f"| on {self.data} sessions | baseline | best model |", "|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        return "\n".join([*(f"- {fact}" for fact in self.facts), "", *lines])


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

    clean, features, baseline, cv, tune, evaluate = map(
        load, ("clean", "features", "baseline", "cv", "tune", "evaluate")
    )
    before, after = evaluate["baseline"], evaluate["best_model"]
    folds = len(baseline["by_fold"]["pr_auc"]["folds"])
    chosen = cv["candidates"][cv["selected"]]["pr_auc_minus_baseline"]
    return Summary(
        data=evaluate["data"],
        facts=(
            (
                f"{clean['rows_out']:,} {evaluate['data']} sessions "
                f"({clean['duplicates_dropped']:,} duplicates dropped), of which "
                f"{features['train']['rows']:,} to train on and {features['test']['rows']:,} to "
                f"test; {features['test']['positive_rate']:.1%} end in a purchase"
            ),
            (
                f"cv chose {cv['selected']} of {', '.join(sorted(cv['candidates']))}: PR-AUC "
                f"{chosen['mean']:+.3f} ± {chosen['sd']:.3f} to the baseline, paired by fold"
            ),
            (
                f"tune tried {tune['n_iter']} settings of it; its folds are those that chose the "
                "best, so trust the test rows more"
            ),
            f"threshold {after['threshold']}: scores from there on count as a purchase",
        ),
        rows=(
            (
                f"PR-AUC, mean ± sd of {folds} folds",
                _spread(baseline["by_fold"]["pr_auc"]["mean"], baseline["by_fold"]["pr_auc"]["sd"]),
                _spread(tune["best_cv_pr_auc"], tune["best_cv_pr_auc_sd"]),
            ),
            (
                f"ROC-AUC, mean ± sd of {folds} folds",
                _spread(
                    baseline["by_fold"]["roc_auc"]["mean"], baseline["by_fold"]["roc_auc"]["sd"]
                ),
                _spread(tune["best_cv_roc_auc"], tune["best_cv_roc_auc_sd"]),
            ),
            *(
                (f"{name}, test", f"{before[key]:.3f}", f"{after[key]:.3f}")
                for name, key in (
                    ("PR-AUC", "pr_auc"),
                    ("ROC-AUC", "roc_auc"),
                    ("precision at the threshold", "precision"),
                    ("recall at the threshold", "recall"),
                )
            ),
        ),
    )


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


def _spread(mean: float, sd: float) -> str:
    return f"{mean:.3f} ± {sd:.3f}"
