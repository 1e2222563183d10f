"""What the pipeline found, in one table: for the terminal and for the README."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecom.errors import ProjectError
from ecom.evaluation.metrics import BREAK_EVEN_COST, COST
from ecom.notation import markdown_table
from ecom.project.files import MODEL_CARD
from ecom.project.states import folder_state
from ecom.reporting.cells import enough_rows, metric_name, with_interval
from ecom.reporting.feature_sets import Table as Cells
from ecom.reporting.feature_sets import trust, uses, worth

if TYPE_CHECKING:
    from rich.table import Table

    from ecom.results import OverTimeResults, Results

HEADLINE: Final = ("pr_auc", "roc_auc", "brier", "precision", "recall", COST, "lift_top_10")
COLUMNS: Final = {  # of the table, by what evaluate judged
    "baseline": "baseline",
    "best_model": "best model",
    "best_model_minus_baseline": "difference, paired",
}
NARROW: Final = (0, 1, 2, 4)  # columns of the feature sets that fit a terminal
BEGIN: Final = "<!-- results of metrics/: begin -->"
END: Final = "<!-- results of metrics/: end -->"


@dataclass(frozen=True)
class Summary:
    """The headline of one run of the pipeline.

    Attributes
    ----------
    data
        ``real`` or ``synthetic``.
    worth, trust
        Tables of the feature sets: on the test rows, and over splits and time.
    facts
        One sentence each on the data and on the choice of model.
    rows
        For each figure, its name, then a cell for each of `COLUMNS`.
    """

    data: str
    worth: Cells
    trust: Cells | None
    facts: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_markdown(self) -> str:
        """Return facts and table as Markdown."""
        table = markdown_table([f"on {self.data} sessions", *COLUMNS.values()], self.rows)
        return "\n".join(
            [
                "Which columns are known at the time decides what a model can be used for. Each",
                "feature set has the model that was chosen for it:",
                "",
                markdown_table(*self.worth),
                "",
                *([markdown_table(*self.trust), ""] if self.trust else []),
                *(f"- {use}" for use in uses()),
                "",
                "Of the model in use:",
                "",
                *(f"- {fact}" for fact in self.facts),
                "",
                table,
            ]
        )


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
    rows = (by_fold, *on_test_rows)
    return Summary(evaluate["data"], worth(found), trust(found), _facts(found), rows)


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
    left_out = features["training_rows_left_out"]
    sample = f" (a sample, {left_out:,} left out)" if left_out else ""
    facts = [
        (
            f"{clean['rows_out']:,} {evaluate['data']} sessions "
            f"({clean['duplicates_dropped']:,} duplicates{invalid} dropped): "
            f"{features['train']['rows']:,} to train on{sample}, "
            f"{features['test']['rows']:,} to test; "
            f"{features['test']['positive_rate']:.1%} end in a purchase"
        ),
        (
            f"cv selected the candidate `{cv['selected']}` out of {len(cv['candidates'])}: PR-AUC "
            f"{gain['mean']:+.3f} ({low:+.3f} to {high:+.3f}) over the baseline, paired by fold"
        ),
        (
            f"tune tried {found['tune']['n_iter']} settings of this candidate. The same folds "
            "chose the best setting; the test rows did not. Columns, defaults and search ranges "
            "come from an earlier study of all rows of the published data (docs/study.md)"
        ),
        (
            f"the strategy `{threshold['strategy']}` gives the threshold "
            f"{threshold['threshold']:.3f}. On the test rows the model saves, in € per 1,000 "
            f"sessions, {', '.join(saved)}"
        ),
    ]
    if evaluate["over_time"]:
        facts.append(_over_time(evaluate["over_time"]))
    last, added = evaluate["learning_curve"]["shares"][-2], evaluate["learning_curve"]["gain"]
    low, high = added["best_model"]["interval"]
    facts.append(
        f"fitting to all training rows instead of a share of {last['share']:g} of them adds "
        f"{added['best_model']['pr_auc']:.3f} ({low:.3f} to {high:.3f}) to PR-AUC; to the "
        f"baseline's, {added['baseline']['pr_auc']:.3f}. {enough_rows(evaluate['learning_curve'])}"
    )
    return tuple(facts)


def _over_time(found: "OverTimeResults") -> str:
    """Return a sentence on months that were scored by models of the months before."""
    pr_auc, cost = found["pr_auc"], found["cost"]
    return (
        "month after month, fitted to the months before alone, PR-AUC is "
        f"{with_interval(pr_auc, 'best_model', 'pr_auc')} in the mean of {len(found['months'])} "
        f"months, the baseline's {with_interval(pr_auc, 'baseline', 'pr_auc')}. Fewer sessions, "
        "and none of the month that is judged, cost "
        f"{with_interval(cost, 'best_model_minus_random_split', BREAK_EVEN_COST)} € per 1,000 "
        "sessions"
    )


def print_summary(summary: Summary, root: Path) -> None:
    """Print a summary, and where to look next."""
    from rich.console import Console

    console = Console(highlight=False)
    console.print()
    sets = [[row[place] for place in NARROW] for row in (summary.worth[0], *summary.worth[1])]
    title = f"What each feature set is worth, on {summary.data} sessions"
    console.print(_table(sets[0], sets[1:], title))
    for use in uses():
        console.print(f"- {use.replace('`', '')}", soft_wrap=True)
    console.print("\nOf the model in use:\n")
    for fact in summary.facts:
        console.print(f"- {fact}", soft_wrap=True)
    console.print()
    console.print(
        _table(["", *COLUMNS.values()], summary.rows, title=f"Results on {summary.data} sessions")
    )
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


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> "Table":
    """Return a table that fits 80 columns: intervals stand below their figures."""
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for place, heading in enumerate(headings):
        table.add_column(
            heading, justify="right" if place else "left", no_wrap=not place and bool(heading)
        )
    for row in rows:
        table.add_row(*(cell.strip("`").replace(" (", "\n(") for cell in row))
    return table


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
