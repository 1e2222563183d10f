"""Does `compare` tell planted changes from noise? Writes docs/verdicts.md and prints it.

Every model is fitted on the training rows of the pipeline's own split, with the hyperparameters
that tune found; its threshold is chosen on out-of-fold scores, as in the pipeline.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "stages"), str(ROOT / "src")]

import _stage  # noqa: E402, F401  fixes threads before libraries load

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from joblib import Parallel, delayed  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.markdown import Markdown  # noqa: E402
from rich.progress import track  # noqa: E402
from ruamel.yaml import YAML  # noqa: E402

from ecom.evaluation import count_flagged  # noqa: E402
from ecom.models import build_pipeline  # noqa: E402
from ecom.notation import COST, METRIC_NAMES, markdown_table  # noqa: E402
from ecom.params import Candidate, Folds, parse_params  # noqa: E402
from ecom.review.verdicts import METRICS, Choice, Finding, Rules, Side, judge, overall  # noqa: E402
from ecom.schema import FEATURES, TARGET  # noqa: E402
from ecom.search import out_of_fold_scores, stratified_folds  # noqa: E402
from ecom.splitting import split_sessions  # noqa: E402
from ecom.thresholds import choose_threshold  # noqa: E402

RUNS = 200  # re-seeded pairs
CLEAN = ROOT / "data" / "processed" / "online_shoppers_clean.csv"
PAGE = ROOT / "docs" / "verdicts.md"


class Trial:
    """Fits models on one split and judges them against one another.

    Parameters
    ----------
    sessions
        Clean data.
    """

    def __init__(self, sessions: pd.DataFrame) -> None:
        content = YAML(typ="safe").load(ROOT / "params.yaml")
        self.params: dict[str, Any] = {**parse_params(content)}
        self.rules = Rules.from_params(content)
        tuned = json.loads((ROOT / "metrics" / "tune.json").read_text(encoding="utf-8"))
        self.tuned = tuned["candidate"], tuned["best_params"]
        split = self.params["split"]
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
        """Fit the model as the pipeline does, on sessions that may be changed before.

        Parameters
        ----------
        seed
            Of the model, and of the folds behind the threshold.
        baseline
            The brief's model instead of the tuned one.
        change, change_training
            Of all sessions; of the training rows alone.
        strategy
            By which the threshold is chosen, if not that of params.yaml.
        """
        candidate: Candidate
        settings: dict[str, Any]
        candidate, settings = ("logistic", {"C": 1.0}) if baseline else self.tuned
        model = build_pipeline(
            candidate, feature_set=self.params["features"].set, seed=seed, **settings
        )
        train = change_training(change(self.train))
        features, labels = train[list(FEATURES)], train[TARGET]
        folds = stratified_folds(labels, Folds(n_splits=self.params["folds"].n_splits, seed=seed))
        scores = out_of_fold_scores(model, features, labels, folds)
        threshold_params = self.params["threshold"]
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
            costs=self.params["threshold"].costs,
            bins=self.params["evaluate"].bins,
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
        "no different", {"change": without("Browser")},
    ),
    "the column that matters most dropped (PageValues)": (
        "worse", {"change": without("PageValues")},
    ),
    "the threshold fixed at 0.5": ("worse", {"strategy": "fixed"}),
    "training labels shuffled": ("worse", {"change_training": shuffled_labels}),
    "the brief's model instead": ("worse", {"baseline": True}),
}  # fmt: skip


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
            f"{of.difference:{form}} ({of.interval[0]:{form}} to {of.interval[1]:{form}})"
            for metric, form in (("pr_auc", "+z.4f"), (COST, "+z.0f"))
            for of in findings
            if of.metric == metric
        ]
        rows.append([name, *figures, f"{verdict}, {right}"])
    runs = reseeded(trial)
    false = []
    for place, metric in enumerate(METRICS):
        verdicts = Counter(findings[place].verdict for findings in runs)
        largest = max(abs(findings[place].difference) for findings in runs)
        sure = np.mean([not f[place].interval[0] <= 0 <= f[place].interval[1] for f in runs])
        smallest = runs[0][place].smallest_difference
        false.append(
            [METRIC_NAMES[metric], f"{smallest:g}", f"{largest:.4g}", f"{sure:.1%}",
             *(f"{verdicts[verdict] / RUNS:.1%}" for verdict in ("better", "worse"))]
        )  # fmt: skip
    whole = Counter(map(trial.overall, runs))
    false.append(
        ["**the whole**", "", "", "",
         *(f"**{whole[verdict] / RUNS:.1%}**" for verdict in ("better", "worse"))]
    )  # fmt: skip
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
                        "interval leaves 0 out",
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
    if not CLEAN.exists():
        sys.exit(f"{CLEAN.relative_to(ROOT)} is missing: run `dvc repro clean` first")
    page = write_page(Trial(pd.read_csv(CLEAN)))
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    Console().print(Markdown(page))


if __name__ == "__main__":
    main()
