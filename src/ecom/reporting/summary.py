"""What the pipeline found, in one table: for the terminal and for the README."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecom.errors import ProjectError
from ecom.evaluation.metrics import COST
from ecom.notation import markdown_table
from ecom.project.files import MODEL_CARD
from ecom.project.states import folder_state
from ecom.reporting.cells import metric_name, with_interval
from ecom.schema import ARRIVAL

if TYPE_CHECKING:
    from ecom.results import Results

HEADLINE: Final = ("pr_auc", "roc_auc", "brier", "precision", "recall", COST, "lift_top_10")
COLUMNS: Final = {  # of the table, by what evaluate judged
    "baseline": "baseline",
    "best_model": "best model",
    "best_model_minus_baseline": "difference, paired",
}
BEGIN: Final = "<!-- results of metrics/: begin -->"
END: Final = "<!-- results of metrics/: end -->"


@dataclass(frozen=True)
class Summary:
    """The headline of one run of the pipeline.

    Attributes
    ----------
    data
        ``real`` or ``synthetic``.
    facts
        One sentence each on the data and on the choice of model.
    rows
        For each figure, its name, then a cell for each of `COLUMNS`.
    """

    data: str
    facts: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_markdown(self) -> str:
        """Return facts and table as Markdown."""
        table = markdown_table([f"on {self.data} sessions", *COLUMNS.values()], self.rows)
        return "\n".join([*(f"- {fact}" for fact in self.facts), "", table])


def summarise(root: Path) -> Summary:
    """Summarise the results of a finished run.

    Parameters
    ----------
    root
        Root folder of the project.

    Raises
    ------
    ProjectError
        A stage's metrics are missing.
    """
    found = folder_state(root).metrics
    tune, evaluate = found["tune"], found["evaluate"]
    folds = found["baseline"]["by_fold"]["pr_auc"]
    by_fold = (
        f"PR-AUC, mean ± sd of {len(folds['folds'])} folds",
        f"{folds['mean']:.3f} ± {folds['sd']:.3f}",
        f"{tune['best_cv_pr_auc']:.3f} ± {tune['best_cv_pr_auc_sd']:.3f}",
        "",
    )
    on_test_rows = (
        (
            f"{metric_name(metric)}, test",
            *(with_interval(evaluate, column, metric) for column in COLUMNS),
        )
        for metric in HEADLINE
    )
    return Summary(evaluate["data"], _facts(found), (by_fold, *on_test_rows))


def _facts(found: "Results") -> tuple[str, ...]:
    clean, features, cv = found["clean"], found["features"], found["cv"]
    threshold, evaluate = found["threshold"], found["evaluate"]
    invalid = f" and {clean['invalid_dropped']:,} invalid rows" if clean["invalid_dropped"] else ""
    gain = cv["candidates"][cv["selected"]]["pr_auc_minus_baseline"]
    low, high = gain["interval"]
    saved = [
        f"{with_interval(evaluate, f'saved_against_{policy}', COST)} against {name}"
        for policy, name in (
            ("baseline", "the baseline"),
            ("flag_none", "flagging none"),
            ("flag_all", "flagging all"),
        )
    ]
    facts = [
        (
            f"{clean['rows_out']:,} {evaluate['data']} sessions "
            f"({clean['duplicates_dropped']:,} duplicates{invalid} dropped): "
            f"{features['train']['rows']:,} to train on, {features['test']['rows']:,} to test; "
            f"{features['test']['positive_rate']:.1%} end in a purchase"
        ),
        (
            f"cv selected the candidate `{cv['selected']}` out of {len(cv['candidates'])}: PR-AUC "
            f"{gain['mean']:+.3f} ({low:+.3f} to {high:+.3f}) over the baseline, paired by fold"
        ),
        (
            f"tune tried {found['tune']['n_iter']} settings of this candidate. The same folds "
            "chose the best setting, so the results on the test rows are more reliable"
        ),
        (
            f"the strategy `{threshold['strategy']}` chose the threshold "
            f"{threshold['threshold']:.3f}. On the test rows the model saves, in € per 1,000 "
            f"sessions, {', '.join(saved)}"
        ),
        (
            "with only what is known at arrival, PR-AUC is "
            f"{with_interval(evaluate['feature_sets'], ARRIVAL, 'pr_auc')}"
        ),
    ]
    if "temporal" in evaluate:
        temporal = evaluate["temporal"]
        seen = with_interval(
            temporal["on_test_rows"], "best_model_minus_earlier_best_model", "pr_auc"
        )
        facts.append(
            "trained only on earlier months, PR-AUC on the "
            f"{temporal['sessions']:,} sessions of the last months is "
            f"{with_interval(temporal, 'best_model', 'pr_auc')}, the baseline's "
            f"{with_interval(temporal, 'baseline', 'pr_auc')}. Training on other sessions of these "
            f"months, as with a random split, changes PR-AUC there by {seen}"
        )
    return tuple(facts)


def print_summary(summary: Summary, root: Path) -> None:
    """Print a summary, and where to look next."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(title=f"Results on {summary.data} sessions", title_justify="left")
    for heading in ("", *COLUMNS.values()):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=bool(heading))
    for row in summary.rows:
        table.add_row(*(cell.replace(" (", "\n(") for cell in row))  # fits 80 columns
    console.print()
    for fact in summary.facts:
        console.print(f"- {fact}", soft_wrap=True)
    console.print()
    console.print(table)
    activate = f"source {os.path.relpath(sys.prefix)}/bin/activate"
    if root != Path.cwd():
        activate += f" && cd {os.path.relpath(root)}"
    console.print(
        f"\nNext: {activate}, then\n"
        f"  {MODEL_CARD:<41}every figure, and what it is good for\n"
        "  dvc plots show                           curves, as a page for the browser\n"
        "  dvc exp run -S tune.n_iter=30            try another value of params.yaml\n"
        "  python -m ecom report                    every figure, as a page to keep\n"
        "  python -m ecom serve                     ask the model, by HTTP or on a page",
        soft_wrap=True,
        markup=False,
    )


def with_results(readme: str, summary: Summary) -> str:
    """Return a README with the text between the result markers replaced.

    Raises
    ------
    ProjectError
        The markers are missing.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ProjectError(f"README.md needs the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{summary.to_markdown()}\n{END}{after}"
