"""Does `compare` tell planted changes from noise? Writes docs/verdicts.md and prints it.

Every model is fitted on the training rows of the pipeline's own split, with the hyperparameters
that tune found. Its threshold is chosen on out-of-fold scores, as in the pipeline.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from _environment import ROOT

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import track

from ecom.data.splitting import split_sessions
from ecom.evaluation.counts import count_flagged
from ecom.evaluation.metrics import COST, METRICS
from ecom.evaluation.thresholds import choose_threshold
from ecom.models.pipelines import build_pipeline
from ecom.models.search import out_of_fold_scores, stratified_folds
from ecom.notation import markdown_table
from ecom.params.folds import Folds
from ecom.project import files
from ecom.project.params_file import read_params
from ecom.project.states import folder_state
from ecom.review.verdicts import Choice, Finding, Rules, Side, judge, overall
from ecom.schema import FEATURES, TARGET

RUNS = 200  # re-seeded pairs
PAGE = ROOT / "docs" / "verdicts.md"


class Trial:
    """Fits models on one split and judges them against one another.

    Parameters
    ----------
    sessions
        Clean data.
    """

    def __init__(self, sessions: pd.DataFrame) -> None:
        self.params = read_params(ROOT)
        self.rules = Rules.from_params(self.params)
        tuned = folder_state(ROOT).metrics["tune"]
        self.tuned = tuned["candidate"], tuned["best_params"]
        split = self.params.split
        self.train, self.test = split_sessions(sessions, test_size=split.test_size, seed=split.seed)

    def side(
        self,
        *,
        seed: int = 42,
        baseline: bool = False,
        change: Callable[[pd.DataFrame], pd.DataFrame] = lambda sessions: sessions,
        change_training: Callable[[pd.DataFrame], pd.DataFrame] = lambda sessions: sessions,
        strategy: str | None = None,
    ) -> Side:
        """Fit the model as the pipeline does, on sessions that may be changed first.

        Parameters
        ----------
        seed
            Seed of the model, and of the folds behind the threshold.
        baseline
            Whether to fit the brief's model instead of the tuned one.
        change, change_training
            Changes of all sessions, and of the training rows alone.
        strategy
            How the threshold is chosen; by default as params.yaml says.
        """
        candidate, settings = ("logistic", {"C": 1.0}) if baseline else self.tuned
        model = build_pipeline(
            candidate, feature_set=self.params.features.set, seed=seed, **settings
        )
        train = change_training(change(self.train))
        features, labels = train[list(FEATURES)], train[TARGET]
        folds = stratified_folds(labels, Folds(n_splits=self.params.folds.n_splits, seed=seed))
        scores = out_of_fold_scores(model, features, labels, folds)
        threshold_params = self.params.threshold
        if strategy:
            threshold_params = threshold_params.model_copy(update={"strategy": strategy})
        choice = Choice(train[[TARGET]].assign(score=scores), threshold_params)
        threshold = float(choose_threshold(count_flagged(labels, scores), choice.params)[0])
        model.fit(features, labels)
        scores = model.predict_proba(change(self.test)[list(FEATURES)])[:, 1]
        return Side(scores, threshold, choice)

    def judge(self, base: Side, head: Side) -> list[Finding]:
        """Judge head against base on the test rows."""
        return judge(
            self.test[TARGET],
            base,
            head,
            self.rules,
            costs=self.params.threshold.costs,
            bins=self.params.evaluate.bins,
        )

    def overall(self, findings: list[Finding]) -> str:
        """Return the verdict of the whole."""
        verdicts = {finding.metric: finding.verdict for finding in findings}
        return str(overall(verdicts, self.rules.review.decisive))


def shuffled_labels(sessions: pd.DataFrame) -> pd.DataFrame:
    """Return sessions whose labels are dealt out anew."""
    labels = np.random.default_rng(0).permutation(sessions[TARGET])
    return sessions.assign(**{TARGET: labels})


def without(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a function that makes a column constant, so that nothing can be learnt from it."""
    return lambda sessions: sessions.assign(**{column: sessions[column].iloc[0] * 0})


PLANTED: dict[str, tuple[str, dict[str, Any]]] = {
    "nothing": ("no different", {}),
    "another seed": ("no different", {"seed": 7}),
    "a column that hardly matters dropped (Browser)": (
        "no different",
        {"change": without("Browser")},
    ),
    "the column that matters most dropped (PageValues)": (
        "worse",
        {"change": without("PageValues")},
    ),
    "the threshold fixed at 0.5": ("worse", {"strategy": "fixed"}),
    "training labels shuffled": ("worse", {"change_training": shuffled_labels}),
    "the brief's model instead": ("worse", {"baseline": True}),
}


def planted(trial: Trial) -> Iterator[tuple[str, str, list[Finding]]]:
    """Plant one change after the other; yield its name, the verdict it should get, the findings."""
    base = trial.side()
    for name, (expected, changes) in PLANTED.items():
        yield name, expected, trial.judge(base, trial.side(**changes))
    brief = trial.side(baseline=True)
    yield "this model instead of the brief's", "better", trial.judge(brief, base)


def reseeded(trial: Trial) -> list[list[Finding]]:
    """Judge the same model under one seed against the next, `RUNS` times."""
    fits = Parallel(n_jobs=2, return_as="generator")(
        delayed(trial.side)(seed=seed) for seed in range(RUNS + 1)
    )
    return [trial.judge(*pair) for pair in pairwise(track(fits, "re-seeded", total=RUNS + 1))]


def write_page(trial: Trial) -> str:
    """Return both tables as Markdown."""
    rows = []
    for name, expected, findings in planted(trial):
        verdict = trial.overall(findings)
        right = "as it should" if verdict == expected else f"**wrong, it is {expected}**"
        figures = [
            f"{finding.difference:{form}} "
            f"({finding.interval[0]:{form}} to {finding.interval[1]:{form}})"
            for metric, form in (("pr_auc", "+z.4f"), (COST, "+z.0f"))
            for finding in findings
            if finding.metric == metric
        ]
        rows.append([name, *figures, f"{verdict}, {right}"])
    runs = reseeded(trial)
    false = []
    for place, metric in enumerate(trial.rules.review.smallest_difference):
        verdicts = Counter(findings[place].verdict for findings in runs)
        largest = max(abs(findings[place].difference) for findings in runs)
        sure = np.mean([not f[place].interval[0] <= 0 <= f[place].interval[1] for f in runs])
        smallest = runs[0][place].smallest_difference
        false.append(
            [
                METRICS[metric].words,
                f"{smallest:g}",
                f"{largest:.4g}",
                f"{sure:.1%}",
                *(f"{verdicts[verdict] / RUNS:.1%}" for verdict in ("better", "worse")),
            ]
        )
    whole = Counter(map(trial.overall, runs))
    false.append(
        [
            "**the whole**",
            "",
            "",
            "",
            *(f"**{whole[verdict] / RUNS:.1%}**" for verdict in ("better", "worse")),
        ]
    )
    return (
        "\n".join(
            [
                "# Are the verdicts of `compare` right?",
                "",
                "Written by `make verdicts`, on the real data, the split of params.yaml and the",
                "hyperparameters that tune found.",
                "",
                "## Planted changes",
                "",
                markdown_table(
                    ["changed", "PR-AUC, head less base", "cost, € per 1,000 sessions", "verdict"],
                    rows,
                ),
                "",
                f"## False alarms: the same model, {RUNS} times under another seed",
                "",
                "The seed is that of the model and of the folds on which its threshold is chosen,",
                "so every pair is of the same model. That an interval leaves out 0 tells two fits",
                "apart, not two models, which is why a verdict also wants a difference that",
                "matters (docs/decisions/0007-verdicts.md).",
                "",
                markdown_table(
                    [
                        "",
                        "matters from",
                        "largest seen",
                        "interval without 0",
                        "better",
                        "worse",
                    ],
                    false,
                ),
            ]
        )
        + "\n"
    )


def main() -> None:
    """Plant changes, count false alarms, write the page."""
    if not (ROOT / files.CLEAN).exists():
        sys.exit(f"{files.CLEAN} is missing: run `dvc repro clean` first")
    page = write_page(Trial(pd.read_csv(ROOT / files.CLEAN)))
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    Console().print(Markdown(page))


if __name__ == "__main__":
    main()
