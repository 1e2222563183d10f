"""Are the verdicts of `compare` right? Plants changes, counts verdicts, writes docs/verdicts.md.

Every model is cross-fitted as the stage `cross_fit` does it, with the hyperparameters that tune
found, and judged by the rules of params.yaml.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from _environment import ROOT

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import track
from scipy import special, stats
from sklearn.model_selection import PredefinedSplit

from ecom.cluster.fitting import fitting_on
from ecom.data.identity import session_keys
from ecom.data.splitting import split_sessions
from ecom.digits import round_scores
from ecom.evaluation.counts import Floats, count_flagged
from ecom.evaluation.metrics import BREAK_EVEN_COST, COST, METRICS
from ecom.evaluation.multiple_tests import FALSE_ALARMS
from ecom.evaluation.thresholds import choose_threshold
from ecom.models.candidates import members_of
from ecom.models.cross_fitting import folds_by_key
from ecom.models.pipelines import build_pipeline
from ecom.notation import markdown_table
from ecom.params.review import Decisive
from ecom.project import files
from ecom.project.params_file import read_params
from ecom.project.states import folder_state
from ecom.review.verdicts import Finding, Rules, Side, Verdict, judge, overall
from ecom.schema import FEATURES, TARGET

RESEEDED = 20  # pairs of the same model
HALVES = 200  # pairs of models of equal worth
DRAWS = 20  # of the training rows
WORKERS = 2
POWER = 0.8  # chance that a loss is called worse
PAGE = ROOT / "docs" / "verdicts.md"
VERDICTS: tuple[Verdict, ...] = ("better", "no worse", "cannot tell", "worse")

Labels = NDArray[np.int64]


def unchanged(given: Any) -> Any:
    """Return what is given."""
    return given


@dataclass(frozen=True)
class Recipe:
    """How one side's scores are made.

    Attributes
    ----------
    candidate, settings
        The model; by default the one that tune settled on, and further hyperparameters.
    seed, model_seed
        Of the first repeat: of its folds, and of its models, by default the same.
    change
        Changes all sessions, before models see them.
    labels
        Changes the labels that models are fitted to.
    keep
        Which training rows models may be fitted to; None for all.
    scores
        Changes the scores.
    strategy
        How the threshold is chosen; by default as params.yaml says.
    """

    candidate: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    seed: int = 1042
    model_seed: int | None = None
    change: Callable[[pd.DataFrame], pd.DataFrame] = unchanged
    labels: Callable[[Labels], Labels] = unchanged
    keep: NDArray[np.bool_] | None = None
    scores: Callable[[Floats], Floats] = unchanged
    strategy: str | None = None


class Trial:
    """Scores training rows along recipes, and judges them against one another.

    Parameters
    ----------
    sessions
        Clean data.
    seed
        Of the split; by default that of params.yaml.
    """

    def __init__(self, sessions: pd.DataFrame, seed: int | None = None) -> None:
        self.params = read_params(ROOT)
        rules = Rules.from_params(self.params)
        self.rules = replace(rules, review=rules.review.model_copy(update={"shown": [COST]}))
        tuned = folder_state(ROOT).metrics["tune"]
        self.tuned: tuple[str, dict[str, Any]] = tuned["candidate"], tuned["best_params"]
        split = self.params.split
        if seed is not None:
            split = split.model_copy(update={"seed": seed})
        train, _ = split_sessions(sessions, split)
        self.keys = session_keys(sessions)[train.index].reset_index(drop=True)
        self.sessions = train[list(FEATURES)].reset_index(drop=True)
        self.labels: Labels = train[TARGET].to_numpy(dtype=np.int64)

    def settings(self, candidate: str) -> dict[str, Any]:
        """Return what tune found for a candidate: the one it tuned, or a member of it."""
        tuned, settings = self.tuned
        if candidate == tuned:
            return settings
        prefix = f"{candidate}."
        own = {
            name.removeprefix(prefix): value
            for name, value in settings.items()
            if name.startswith(prefix)
        }
        return own or {"C": self.params.baseline.C}

    def side(self, recipe: Recipe) -> Side:
        """Cross-fit as the stage does."""
        candidate = recipe.candidate or self.tuned[0]
        build = partial(
            build_pipeline,
            candidate,
            feature_set=self.params.features.set,
            **self.settings(candidate) | recipe.settings,
        )
        sessions, labels = recipe.change(self.sessions), pd.Series(recipe.labels(self.labels))
        repeats = self.params.cross_fit.repeats
        scores = np.empty((repeats, len(labels)))
        for repeat in range(repeats):
            model_seed = (recipe.model_seed or recipe.seed) + repeat
            fold = folds_by_key(self.keys, self.params.folds.n_splits, recipe.seed + repeat)
            for train, held_out in PredefinedSplit(fold).split():
                rows = train if recipe.keep is None else train[recipe.keep[train]]
                model = build(seed=model_seed).fit(sessions.iloc[rows], labels.iloc[rows])
                scores[repeat, held_out] = model.predict_proba(sessions.iloc[held_out])[:, 1]
        scores = round_scores(recipe.scores(scores))
        params = self.params.threshold
        if recipe.strategy:
            params = params.model_copy(update={"strategy": recipe.strategy})
        counts = count_flagged(self.labels, scores[0])
        return Side(scores, float(choose_threshold(counts, params)[0]))

    def judge(
        self,
        base: Side,
        head: Side,
        *,
        strategy_changed: bool = False,
        labels: Labels | None = None,
    ) -> list[Finding]:
        """Judge head against base, as `compare` does; by default on all training rows."""
        sizes = self.rules.review.decisive[BREAK_EVEN_COST]
        return judge(
            self.labels if labels is None else labels,
            base,
            head,
            self.rules,
            costs=self.params.threshold.costs,
            bins=self.params.evaluate.bins,
            also={COST: sizes} if strategy_changed else None,
        )


def in_parallel(jobs: Iterable[Any], total: int, description: str) -> list[Any]:
    """Run jobs in worker processes, with a progress bar; return what they found, in order."""
    found = Parallel(n_jobs=WORKERS, return_as="generator")(jobs)
    return list(track(found, description, total=total))


def verdict(findings: list[Finding]) -> Verdict:
    """Return the verdict on the whole."""
    return overall(finding.verdict for finding in findings if finding.verdict)


def shuffled(labels: Labels) -> Labels:
    """Deal the labels out anew."""
    return np.random.default_rng(0).permutation(labels)


def flipped(labels: Labels, seed: int = 0) -> Labels:
    """Return labels of which one in ten is wrong."""
    wrong = np.random.default_rng(seed).permutation(len(labels)) < len(labels) // 10
    return np.where(wrong, 1 - labels, labels)


def half(rows: int, seed: int) -> NDArray[np.bool_]:
    """Return a random half of the rows."""
    return np.random.default_rng(seed).permutation(rows) < rows // 2


def doubled(scores: Floats) -> Floats:
    """Double the log-odds."""
    return np.asarray(special.expit(2 * special.logit(np.clip(scores, 1e-9, 1 - 1e-9))))


def without(column: str, share: float = 1.0) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a function that sets a column to 0, in a random share of the sessions."""

    def change(sessions: pd.DataFrame) -> pd.DataFrame:
        lost = np.random.default_rng(1).random(len(sessions)) < share
        return sessions.assign(**{column: sessions[column].where(~lost, 0)})

    return change


def balanced() -> Recipe:
    """Return the tuned model, fitted as if there were as many purchases as other sessions."""
    tuned = folder_state(ROOT).metrics["tune"]["candidate"]
    members = members_of(tuned)
    names = [f"{member}.class_weight" if len(members) > 1 else "class_weight" for member in members]
    return Recipe(settings=dict.fromkeys(names, "balanced"))


TREES = Recipe(candidate="hist_gradient_boosting")
PLANTED: dict[str, tuple[str, Recipe]] = {
    "nothing": ("no worse", Recipe()),
    "another seed": ("no worse", Recipe(model_seed=7)),
    "a column that hardly matters lost (Browser)": ("no worse", Recipe(change=without("Browser"))),
    "the same, in 5 % of the sessions": ("no worse", Recipe(change=without("Browser", 0.05))),
    "the column that matters most lost (PageValues)": (
        "worse",
        Recipe(change=without("PageValues")),
    ),
    "the same, in 5 % of the sessions of PageValues": (
        "worse",
        Recipe(change=without("PageValues", 0.05)),
    ),
    "training labels dealt out anew": ("worse", Recipe(labels=shuffled)),
    "10 % of the training labels flipped": ("worse", Recipe(labels=flipped)),
    "class_weight balanced": ("worse", balanced()),
    "log-odds doubled": ("worse", Recipe(scores=doubled)),
    "the threshold fixed at 0.5": ("worse", Recipe(strategy="fixed")),
    "boosted trees alone": ("worse", TREES),
    "the brief's model instead": ("worse", Recipe(candidate="logistic")),
}


def planted(sessions: pd.DataFrame) -> Iterator[list[str]]:
    """Plant one change after the other; yield a row of the table for each."""
    trial = Trial(sessions)
    recipes = [Recipe(), *(recipe for _, recipe in PLANTED.values())]
    jobs = (delayed(trial.side)(recipe) for recipe in recipes)
    base, *sides = in_parallel(jobs, len(recipes), "planted changes")
    heads = dict(zip(PLANTED, sides, strict=True))
    pairs = [
        (name, expected, base, heads[name], bool(recipe.strategy))
        for name, (expected, recipe) in PLANTED.items()
    ]
    brief = heads["the brief's model instead"]
    pairs.append(("this model instead of the brief's", "better", brief, base, False))
    judged = [
        (name, expected, trial.judge(before, after, strategy_changed=strategy_changed))
        for name, expected, before, after, strategy_changed in pairs
    ]
    other = Trial(sessions, seed=1)
    judged.append(
        (
            "another split into training and test rows",
            "no worse",
            judge_shared(trial, base, other, other.side(Recipe())),
        )
    )
    for name, expected, findings in judged:
        found = verdict(findings)
        right = "as it should" if found == expected else f"**wrong, it is {expected}**"
        figures = [_figures(f) for f in findings if f.metric in trial.rules.review.decisive]
        yield [name, *figures, f"{found}, {right}"]


def judge_shared(trial: Trial, base: Side, other: Trial, head: Side) -> list[Finding]:
    """Judge two sides of different training rows on those that both have."""
    both = pd.Index(trial.keys).intersection(pd.Index(other.keys))
    mine, theirs = (pd.Index(each.keys).get_indexer(both) for each in (trial, other))
    return trial.judge(
        replace(base, scores=base.scores[:, mine]),
        replace(head, scores=head.scores[:, theirs]),
        labels=trial.labels[mine],
    )


def _figures(finding: Finding) -> str:
    form = "+z.1f" if finding.metric == BREAK_EVEN_COST else "+z.4f"
    low, high = finding.interval
    return f"{finding.difference:{form}} ({low:{form}} to {high:{form}})"


def reseeded(trial: Trial) -> list[list[Finding]]:
    """Judge the same model under one seed against the next."""
    seeds = range(5000, 5000 + 10 * (RESEEDED + 1), 10)
    jobs = (delayed(trial.side)(Recipe(model_seed=seed)) for seed in seeds)
    return [trial.judge(*pair) for pair in pairwise(in_parallel(jobs, len(seeds), "re-seeded"))]


def halves(sessions: pd.DataFrame) -> list[list[Finding]]:
    """Judge models that were fitted to disjoint halves of the sessions, on draws of these."""
    jobs = (delayed(of_halves)(sessions, seed) for seed in range(HALVES))
    return in_parallel(jobs, HALVES, "disjoint halves")


def of_halves(sessions: pd.DataFrame, seed: int) -> list[Finding]:
    """Judge a model fitted to one half of a draw's sessions against one fitted to the other."""
    trial = Trial(sessions, seed=seed)
    keep = half(len(trial.labels), seed)
    recipe = Recipe(seed=10_000 + 10 * seed)
    base, head = (trial.side(replace(recipe, keep=rows)) for rows in (keep, ~keep))
    return trial.judge(base, head)


def draws(sessions: pd.DataFrame) -> dict[str, list[list[Finding]]]:
    """Judge ruined models on draws of the training rows, each with folds of its own."""
    jobs = (delayed(of_draw)(sessions, draw) for draw in range(DRAWS))
    found = in_parallel(jobs, DRAWS, "draws")
    return {name: [each[name] for each in found] for name in found[0]}


def of_draw(sessions: pd.DataFrame, draw: int) -> dict[str, list[Finding]]:
    """Judge each ruined model on one draw of the training rows."""
    trial, seed = Trial(sessions, seed=draw), 50_000 + 10 * draw
    base = trial.side(Recipe(seed=seed))
    ruined = {
        "boosted trees alone": replace(TREES, seed=seed),
        "half of the training rows": Recipe(seed=seed, keep=half(len(trial.labels), draw)),
        "10 % of the training labels flipped": Recipe(
            seed=seed, labels=partial(flipped, seed=draw)
        ),
    }
    return {name: trial.judge(base, trial.side(recipe)) for name, recipe in ruined.items()}


def _shares(name: str, runs: list[list[Finding]]) -> list[str]:
    counts = Counter(map(verdict, runs))
    return [name, str(len(runs)), *(_share(counts[word], len(runs)) for word in VERDICTS)]


def _share(count: int, total: int) -> str:
    """Write a share with its 95 % interval (Wilson 1927)."""
    bounds = stats.binomtest(count, total).proportion_ci(method="wilson")
    return f"{count / total:.1%} ({bounds.low:.1%} to {bounds.high:.1%})"


def _detectable(
    runs: dict[str, list[list[Finding]]], decisive: Mapping[str, Decisive]
) -> list[list[str]]:
    """Return, for each decisive metric, the true loss that is seen with the `POWER`.

    It must be told from noise at the level divided by the number of decisive metrics, as Holm's
    method asks of the first of them, and be as large as matters; by the mean standard error of
    pairs, and the normal distribution.
    """
    deciding = [place for place, each in enumerate(next(iter(runs.values()))[0]) if each.verdict]
    certain = stats.norm.ppf(1 - FALSE_ALARMS / len(deciding) / 2)
    rows = []
    for place in deciding:
        metric = next(iter(runs.values()))[0][place].metric
        losses = []
        for pairs in runs.values():
            widths = [np.ptp(findings[place].interval) for findings in pairs]
            error = np.mean(widths) / (2 * stats.norm.ppf(1 - FALSE_ALARMS / 2))
            least = max(certain * error, decisive[metric].smallest_difference)
            losses.append(f"{least + stats.norm.ppf(POWER) * error:.2g}")
        rows.append([METRICS[metric].words, *losses])
    return rows


def _by_metric(runs: list[list[Finding]]) -> list[list[str]]:
    rows = []
    for place, first in enumerate(runs[0]):
        if first.verdict:
            found = [findings[place] for findings in runs]
            counts = Counter(finding.verdict for finding in found)
            beyond = np.mean([not f.interval[0] <= 0 <= f.interval[1] for f in found])
            largest = max(abs(finding.difference) for finding in found)
            rows.append(
                [
                    METRICS[first.metric].words,
                    f"{largest:.4g}",
                    f"{beyond:.1%}",
                    *(f"{counts[word] / len(found):.1%}" for word in VERDICTS),
                ]
            )
    return rows


def write_page(sessions: pd.DataFrame) -> str:
    """Return the page as Markdown."""
    trial = Trial(sessions)
    changes = list(planted(sessions))
    of_draws = draws(sessions)
    of_seeds, of_halves = reseeded(trial), halves(sessions)
    decisive = [METRICS[name].words for name in trial.rules.review.decisive]
    shares = [
        *(_shares(name, runs) for name, runs in of_draws.items()),
        _shares("another seed", of_seeds),
        _shares("fitted to disjoint halves of the sessions", of_halves),
    ]
    return "\n".join(
        [
            "# Are the verdicts of `compare` right?",
            "",
            "Written by `make verdicts` on the real data: models are cross-fitted on the training",
            "rows as the stage `cross_fit` does it, with the hyperparameters that tune found, and",
            "judged by the rules of params.yaml. Differences are head less base, with 95 %",
            "intervals.",
            "",
            "## Planted changes",
            "",
            markdown_table(["changed", *decisive, "verdict"], changes),
            "",
            "## How often each verdict is given",
            "",
            "The first rows are ruined models, on draws of the training rows from all sessions",
            "and on folds of their own: they should be worse. The last two rows are models of",
            "equal worth: better and worse are false alarms there. Models that were fitted to",
            "disjoint halves of a draw are different models; another seed gives nearly the same",
            "one. Brackets show 95 % intervals (Wilson 1927) as if pairs were independent; draws",
            "share sessions, so they are somewhat wider.",
            "",
            markdown_table(["changed", "pairs", *VERDICTS], shares),
            "",
            f"The true loss that would be called worse with a chance of {POWER:.0%}, by the mean",
            "standard error of such pairs, if no other metric changed:",
            "",
            markdown_table(["", *of_draws], _detectable(of_draws, trial.rules.review.decisive)),
            "",
            "Metric by metric, for the disjoint halves:",
            "",
            markdown_table(
                ["", "largest difference", "interval without 0", *VERDICTS], _by_metric(of_halves)
            ),
            "",
            "And for another seed:",
            "",
            markdown_table(
                ["", "largest difference", "interval without 0", *VERDICTS], _by_metric(of_seeds)
            ),
            "",
        ]
    )


def main() -> None:
    """Plant changes, count verdicts, write the page."""
    if not (ROOT / files.CLEAN).exists():
        sys.exit(f"{files.CLEAN} is missing: run `dvc repro clean` first")
    with fitting_on(read_params(ROOT).tune):
        page = write_page(pd.read_csv(ROOT / files.CLEAN))
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    Console().print(Markdown(page))


if __name__ == "__main__":
    main()
