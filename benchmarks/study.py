"""How good are the pipeline's choices over ten splits? Writes docs/study.md and its figures.

On each split, cv selects and tune tunes on that split's training rows alone, for each feature set.
The candidates, their default hyperparameters and the search ranges came from an earlier study of
all rows; what that is worth for the interactions is measured by choosing them again.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from _environment import ROOT

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress
from scipy.special import expit
from sklearn.model_selection import StratifiedKFold

from ecom.cluster.fitting import fitting_on
from ecom.data.splitting import split_sessions
from ecom.evaluation.counts import count_flagged
from ecom.evaluation.metrics import COST, METRICS, Sample, measure, without_resamples
from ecom.evaluation.ranking import SCORING, ranking_metrics
from ecom.evaluation.thresholds import choose_threshold, trivial_costs
from ecom.features import (
    IN_DETAIL,
    INTERACTIONS,
    MONTH_FLAGS,
    PATTERNS,
    PLAIN,
    VALUED,
    VISITOR_FLAGS,
    add_features,
)
from ecom.models.averaging import log_odds
from ecom.models.candidates import single
from ecom.models.pipelines import build_pipeline
from ecom.models.search import (
    corrected_interval,
    out_of_fold_scores,
    select_and_tune,
    stratified_folds,
)
from ecom.notation import markdown_table
from ecom.project import files
from ecom.project.params_file import Params, read_params
from ecom.project.states import folder_state
from ecom.reporting.feature_sets import STUDY, made_of
from ecom.schema import FEATURE_SETS, FEATURES, TARGET, FeatureSet

SEEDS = range(10)
STRATEGIES = ("minimum_cost", "break_even")
INNER_FOLDS = 3  # that interactions are chosen by
SHIPPED = "selected and tuned"
AGAIN = "average, interactions chosen again"
PAGE = ROOT / "docs" / "study.md"
FIGURES = ROOT / "src" / "ecom" / "reporting" / STUDY
NAMES = {metric: METRICS[metric].words for metric in SCORING}

Found = dict[str, dict[str, Any]]


def judge(model: Any, train: pd.DataFrame, test: pd.DataFrame) -> dict[str, Any]:
    """Fit a model, and return its test metrics and the seconds that the fit took."""
    begin = time.perf_counter()
    model.fit(train[list(FEATURES)], train[TARGET])
    seconds = time.perf_counter() - begin
    scores = model.predict_proba(test[list(FEATURES)])[:, 1]
    return {**ranking_metrics(test[TARGET], scores), "seconds": seconds}


def judge_set(
    train: pd.DataFrame, test: pd.DataFrame, feature_set: FeatureSet, params: Params
) -> dict[str, Any]:
    """Choose, tune and judge a model for a feature set, with a threshold by each strategy."""
    features, labels = train[list(FEATURES)], train[TARGET]
    folds = stratified_folds(labels, params.folds)
    selected, search = select_and_tune(
        features, labels, folds=folds, cv=params.cv, tune=params.tune, feature_set=feature_set
    )
    model = search.best_estimator_
    out_of_fold = count_flagged(
        labels, out_of_fold_scores(model, features, labels, folds, n_jobs=params.tune.n_jobs)
    )
    found = judge(model, train, test) | {"selected": selected}
    scores, costs = model.predict_proba(test[list(FEATURES)])[:, 1], params.threshold.costs
    for strategy in STRATEGIES:
        settings = params.threshold.model_copy(update={"strategy": strategy})
        threshold = float(choose_threshold(out_of_fold, settings)[0])
        sample = Sample.of_scores(test[TARGET], scores, threshold=threshold, costs=costs)
        found[strategy] = without_resamples(measure(sample, [COST]))[COST]
    trivial = without_resamples(trivial_costs(count_flagged(test[TARGET], scores), costs))
    return found | {"trivial": min(trivial.values())}


def judge_again(train: pd.DataFrame, test: pd.DataFrame, params: Params) -> dict[str, Any]:
    """Judge the average, with interactions that were chosen on these training rows alone."""
    begin = time.perf_counter()
    flag, in_detail = choose_interactions(train, params.cv.seed)
    rows = [add_features(part[list(FEATURES)], INTERACTIONS) for part in (train, test)]
    of_train, of_test = (products(part, flag, in_detail) for part in rows)
    logistic = regression().fit(of_train, train[TARGET])
    trees = build_pipeline("hist_gradient_boosting", seed=params.cv.seed)
    trees.fit(train[list(FEATURES)], train[TARGET])
    members = [logistic.decision_function(of_test), log_odds(trees, test[list(FEATURES)])]
    found = ranking_metrics(test[TARGET], expit(np.mean(members, axis=0)))
    return {
        **found,
        "seconds": time.perf_counter() - begin,
        "interactions": f"{flag}; {', '.join(in_detail)}",
    }


def choose_interactions(train: pd.DataFrame, seed: int) -> tuple[str, list[str]]:
    """Choose the flag that is multiplied with all columns, then those that months change.

    One after the other, each by the mean PR-AUC over inner folds; no more than those that ship, and
    no further once PR-AUC falls.
    """
    rows = add_features(train[list(FEATURES)], INTERACTIONS)
    labels = train[TARGET].to_numpy()
    folds = list(StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=seed).split(rows, labels))

    def best_of(tries: Sequence[tuple[str, list[str]]]) -> tuple[float, tuple[str, list[str]]]:
        jobs = (delayed(inner_pr_auc)(products(rows, *tried), labels, folds) for tried in tries)
        scores = Parallel(n_jobs=2)(jobs)
        place = int(np.argmax(scores))
        return scores[place], tries[place]

    flags = [name for name in (*PATTERNS, VALUED) if "=" in name or ">" in name]
    score, chosen = best_of([(flag, []) for flag in flags])
    while len(chosen[1]) < len(IN_DETAIL):
        others = [name for name in PATTERNS if name not in chosen[1] and name != chosen[0]]
        better, longer = best_of([(chosen[0], [*chosen[1], name]) for name in others])
        if better <= score:
            break
        score, chosen = better, longer
    return chosen


def products(rows: pd.DataFrame, flag: str, in_detail: Sequence[str]) -> np.ndarray:
    """Return the columns of `logistic_interactions`, with another flag and other columns in detail.

    With those that ship, they are the columns that ship, in another order.
    """
    plain = rows[[*PATTERNS, *PLAIN, *MONTH_FLAGS, *VISITOR_FLAGS]].to_numpy()
    valued, flagged = rows[[VALUED, "log(PageValues)"]].to_numpy(), rows[[flag]].to_numpy()
    kinds = rows[[*MONTH_FLAGS, *VISITOR_FLAGS]].to_numpy() * flagged
    detailed = [kinds * rows[[name]].to_numpy() for name in in_detail]
    return np.hstack([plain, valued, plain * flagged, *detailed])


def regression() -> Any:
    """Return the model of the candidate logistic_interactions, with its defaults."""
    return single("logistic_interactions").build("end_of_session").model


def inner_pr_auc(columns: np.ndarray, labels: np.ndarray, folds: Sequence[Any]) -> float:
    """Return the mean PR-AUC over the inner folds."""
    found = []
    for train, held_out in folds:
        scores = (
            regression().fit(columns[train], labels[train]).decision_function(columns[held_out])
        )
        found.append(ranking_metrics(labels[held_out], scores)["pr_auc"])
    return float(np.mean(found))


def study_split(sessions: pd.DataFrame, seed: int, params: Params) -> tuple[Found, Found]:
    """Judge baseline, candidates and choices on one split: models, then feature sets."""
    train, test = split_sessions(sessions, params.split.model_copy(update={"seed": seed}))
    in_use = params.features.set
    models = {"baseline": build_pipeline("logistic", feature_set=in_use, C=params.baseline.C)} | {
        name: build_pipeline(name, feature_set=in_use, seed=params.cv.seed)
        for name in params.cv.candidates
    }
    found = {name: judge(model, train, test) for name, model in models.items()}
    if "average" in models and in_use == "end_of_session":
        found[AGAIN] = judge_again(train, test, params)
    sets = {name: judge_set(train, test, name, params) for name in FEATURE_SETS}
    return found | {SHIPPED: sets[in_use]}, {str(name): found for name, found in sets.items()}


def write_page(models: dict[int, Found], sets: dict[int, Found], test_size: float) -> str:
    """Return the page as Markdown."""
    seeds = f"{min(models)} to {max(models)}"
    by_name = {name: _table(models, name) for name in models[min(models)]}
    shipped = by_name[SHIPPED]["pr_auc"]
    ratio = test_size / (1 - test_size)
    rows = []
    for name, table in by_name.items():
        figures = [_spread(table[metric]) for metric in NAMES]
        less = "" if name == SHIPPED else _difference(shipped - table["pr_auc"], ratio)
        rows.append([name, *figures, f"{table['seconds'].median():.2f}", less])
    chosen = by_name[SHIPPED]["selected"].value_counts()
    of_sets = {name: _table(sets, name) for name in FEATURE_SETS}
    lines = [
        "# Study: ten splits",
        "",
        f"Test rows of the split seeds {seeds}: mean ± standard deviation. On each split, cv",
        "selects and tune tunes on that split's training rows alone; the candidates have their",
        "default hyperparameters. Differences are paired by split, with their 95 % interval in",
        "brackets (Nadeau and Bengio 2003). Written by `make study`.",
        "",
        markdown_table(
            [
                "model",
                *NAMES.values(),
                "seconds to fit",
                f"{NAMES['pr_auc']} of the choice less this",
            ],
            rows,
        ),
        "",
        f"Selected: {', '.join(f'{name} {count} times' for name, count in chosen.items())}.",
        "",
        "## What each feature set is worth",
        "",
        "Each with the candidate and the settings that cv and tune choose for it. € per 1,000",
        "sessions, with the threshold of each strategy; saved is against the cheaper of flagging",
        "all and flagging none, by `break_even`.",
        "",
        markdown_table(
            [
                "feature set",
                *NAMES.values(),
                *(f"€, `{name}`" for name in STRATEGIES),
                "€ saved",
                "selected",
            ],
            [
                [
                    f"`{name}`",
                    *(_spread(table[metric]) for metric in NAMES),
                    *(_spread(table[strategy], 1) for strategy in STRATEGIES),
                    _spread(table["trivial"] - table["break_even"], 1),
                    ", ".join(
                        f"{each} {n}" for each, n in table["selected"].value_counts().items()
                    ),
                ]
                for name, table in of_sets.items()
            ],
        ),
        "",
        "## Which strategy costs less",
        "",
        "`minimum_cost` less `break_even`, € per 1,000 sessions on the test rows: above 0 where",
        "the threshold that costs least on the training rows costs more on others.",
        "",
        markdown_table(
            ["feature set", "difference", "splits in which `break_even` costs less"],
            [
                [
                    f"`{name}`",
                    _difference(table["minimum_cost"] - table["break_even"], ratio, 1),
                    f"{int((table['minimum_cost'] > table['break_even']).sum())} of {len(table)}",
                ]
                for name, table in of_sets.items()
            ],
        ),
        "",
        "## The price of having looked",
        "",
        "The candidates, their default hyperparameters, the search ranges and the interactions of",
        "`logistic_interactions` came from an earlier study of all rows, those of each test set",
        "among them. What this flatters is measured for the interactions: on each split they are",
        "chosen again, from the flag on, on the training rows alone.",
    ]
    if AGAIN in by_name:
        again = by_name[AGAIN]
        price = _difference(again["pr_auc"] - by_name["average"]["pr_auc"], ratio)
        lines += [
            "",
            "PR-AUC of the average with interactions that were chosen again, less that of the",
            f"shipped ones: {price}. The flags, then the columns, that were chosen, by the number",
            f"of splits: {_chosen(again['interactions'].tolist())}.",
            "",
            "Not chosen again, so that what they flatter is not known: the list of columns to",
            "choose from with their logarithms and shifts, the form (one flag times all, months",
            f"times at most {len(IN_DETAIL)}), the candidates' defaults and the search ranges.",
        ]
    return "\n".join(lines) + "\n"


def _chosen(found: Sequence[str]) -> str:
    """Count the flags and columns that were chosen on each split."""
    flags = Counter(each.partition("; ")[0] for each in found)
    columns = Counter(name for each in found for name in each.partition("; ")[2].split(", "))
    return "; ".join(
        ", ".join(f"`{name}` {count}" for name, count in counted.most_common())
        for counted in (flags, columns)
    )


def write_figures(sets: dict[int, Found], params: Params) -> str:
    """Return the means and spreads of the feature sets as JSON, for README and model card."""
    found: dict[str, Any] = {}
    for name in FEATURE_SETS:
        table = _table(sets, name)
        table["saved"] = table["trivial"] - table[params.threshold.strategy]
        columns = {**dict.fromkeys(NAMES), params.threshold.strategy: None, "saved": None}
        found[name] = {
            column.replace(params.threshold.strategy, COST): {
                "mean": round(float(table[column].mean()), 6),
                "sd": round(float(table[column].std()), 6),
            }
            for column in columns
        }
    content = {
        "made_of": made_of(folder_state(ROOT).metrics),
        "splits": len(sets),
        "sets": found,
    }
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _table(found: dict[int, Found], name: str) -> pd.DataFrame:
    return pd.DataFrame({seed: judged[name] for seed, judged in found.items()}).T.infer_objects()


def _spread(values: "pd.Series[float]", decimals: int = 4) -> str:
    return f"{values.mean():.{decimals}f} ± {values.std():.{decimals}f}"


def _difference(values: "pd.Series[float]", test_to_train: float, decimals: int = 4) -> str:
    low, high = corrected_interval(values.tolist(), test_to_train)
    form = f"+.{decimals}f"
    return f"{values.mean():{form}} ({low:{form}} to {high:{form}})"


def main() -> None:
    """Study every split."""
    if not (ROOT / files.CLEAN).exists():
        sys.exit(f"{files.CLEAN} is missing: run `dvc repro clean` first")
    params = read_params(ROOT)
    sessions = pd.read_csv(ROOT / files.CLEAN)
    models, sets = {}, {}
    with fitting_on(params.tune), Progress() as progress:
        for seed in progress.track(SEEDS, description="splits"):
            models[seed], sets[seed] = study_split(sessions, seed, params)
            shipped = models[seed][SHIPPED]
            progress.console.print(
                f"seed {seed}: {shipped['selected']}, PR-AUC {shipped['pr_auc']:.3f}, "
                f"ROC-AUC {shipped['roc_auc']:.3f}"
            )
    page = write_page(models, sets, params.split.test_size)
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    FIGURES.write_text(write_figures(sets, params), encoding="utf-8", newline="\n")
    Console().print(Markdown(page))


if __name__ == "__main__":
    main()
