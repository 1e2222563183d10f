"""How good is the pipeline's choice over ten splits? Writes docs/study.md and prints it.

On each split, cv selects and tune tunes on that split's training rows alone. The candidates, their
default hyperparameters and the search ranges came from an earlier study of all rows.
"""

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from _environment import ROOT

import pandas as pd
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import Progress

from ecom.data.splitting import split_sessions
from ecom.evaluation.metrics import METRICS
from ecom.evaluation.ranking import SCORING, ranking_metrics
from ecom.models.candidates import distributions_of
from ecom.models.pipelines import build_pipeline
from ecom.models.search import (
    compare_candidates,
    corrected_interval,
    fold_metrics,
    out_of_fold_scores,
    random_search,
    select,
    stratified_folds,
)
from ecom.notation import markdown_table
from ecom.project import files
from ecom.project.params_file import Params, read_params
from ecom.schema import FEATURES, TARGET

SEEDS = range(10)
SHIPPED = "selected and tuned"
PAGE = ROOT / "docs" / "study.md"
NAMES = {metric: METRICS[metric].words for metric in SCORING}


def judge(model: Any, train: pd.DataFrame, test: pd.DataFrame) -> dict[str, Any]:
    """Fit a model, and return its test metrics and the seconds that the fit took."""
    begin = time.perf_counter()
    model.fit(train[list(FEATURES)], train[TARGET])
    seconds = time.perf_counter() - begin
    scores = model.predict_proba(test[list(FEATURES)])[:, 1]
    return {**ranking_metrics(test[TARGET], scores), "seconds": seconds}


def study_split(sessions: pd.DataFrame, seed: int, params: Params) -> dict[str, dict[str, Any]]:
    """Judge baseline, candidates and the pipeline's choice on one split."""
    train, test = split_sessions(sessions, test_size=params.split.test_size, seed=seed)
    features, labels = train[list(FEATURES)], train[TARGET]
    folds, feature_set = stratified_folds(labels, params.folds), params.features.set
    bar = build_pipeline("logistic", feature_set=feature_set, C=params.baseline.C)
    baseline: Any = fold_metrics(labels, out_of_fold_scores(bar, features, labels, folds), folds)
    by_fold = compare_candidates(
        features, labels, folds=folds, cv=params.cv, feature_set=feature_set, baseline=baseline
    )
    found = {"baseline": judge(bar, train, test)}
    for candidate in by_fold:
        model = build_pipeline(candidate, feature_set=feature_set, seed=params.cv.seed)
        found[candidate] = judge(model, train, test)
    selected = select(by_fold, params.cv.rule)
    search = random_search(
        build_pipeline(selected, feature_set=feature_set, seed=params.tune.seed),
        features,
        labels,
        folds=folds,
        tune=params.tune,
        distributions=distributions_of(selected, params.tune),
    )
    return {**found, SHIPPED: judge(search.best_estimator_, train, test) | {"selected": selected}}


def write_page(found: dict[int, dict[str, dict[str, Any]]], test_size: float) -> str:
    """Return the table as Markdown."""
    tables = {
        metric: pd.DataFrame(
            {
                seed: {name: judged[metric] for name, judged in models.items()}
                for seed, models in found.items()
            }
        ).T
        for metric in (*NAMES, "seconds")
    }
    lines = [
        "# Study: ten splits",
        "",
        (
            f"Test rows of the split seeds {min(found)} to {max(found)}: mean ± standard "
            "deviation. On each split, cv selects and tune tunes on that split's training rows "
            "alone; the candidates have their default hyperparameters. Differences are paired by "
            "split, with their 95 % interval in brackets (Nadeau and Bengio 2003). The candidates "
            "themselves, their defaults and the search ranges came from an earlier study of all "
            "rows. Written by `make study`."
        ),
    ]
    rows = []
    for name in tables["pr_auc"]:
        figures = [
            f"{tables[metric][name].mean():.4f} ± {tables[metric][name].std():.4f}"
            for metric in NAMES
        ]
        gain = tables["pr_auc"][SHIPPED] - tables["pr_auc"][name]
        low, high = corrected_interval(gain.tolist(), test_size / (1 - test_size))
        difference = "" if name == SHIPPED else f"{gain.mean():+.4f} ({low:+.4f} to {high:+.4f})"
        seconds = f"{tables['seconds'][name].median():.2f}"
        rows.append([str(name), *figures, seconds, difference])
    less = f"{NAMES['pr_auc']} of the choice less this"
    table = markdown_table(["model", *NAMES.values(), "seconds to fit", less], rows)
    chosen = pd.Series([models[SHIPPED]["selected"] for models in found.values()]).value_counts()
    selections = ", ".join(f"{name} {count} times" for name, count in chosen.items())
    return "\n".join([*lines, "", table, "", f"Selected: {selections}."]) + "\n"


def main() -> None:
    """Study every split."""
    if not (ROOT / files.CLEAN).exists():
        sys.exit(f"{files.CLEAN} is missing: run `dvc repro clean` first")
    params = read_params(ROOT)
    sessions = pd.read_csv(ROOT / files.CLEAN)
    found = {}
    with Progress() as progress:
        for seed in progress.track(SEEDS, description="splits"):
            found[seed] = study_split(sessions, seed, params)
            shipped = found[seed][SHIPPED]
            progress.console.print(
                f"seed {seed}: {shipped['selected']}, PR-AUC {shipped['pr_auc']:.3f}, "
                f"ROC-AUC {shipped['roc_auc']:.3f}"
            )
    page = write_page(found, params.split.test_size)
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    Console().print(Markdown(page))


if __name__ == "__main__":
    main()
