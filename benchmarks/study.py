"""How good is the pipeline's choice, over ten splits? Writes docs/study.md and prints it.

On each split, cv selects and tune tunes anew, on that split's training rows alone: no figure comes
from a choice made on rows that it is then judged on.
"""

import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "stages"), str(ROOT / "src")]

import _stage  # noqa: E402, F401  fixes threads before libraries load

import pandas as pd  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.markdown import Markdown  # noqa: E402
from rich.progress import Progress  # noqa: E402
from ruamel.yaml import YAML  # noqa: E402

from ecom.evaluation import ranking_metrics  # noqa: E402
from ecom.models import build_pipeline  # noqa: E402
from ecom.notation import markdown_table  # noqa: E402
from ecom.params import CANDIDATES, Candidate, parse_params  # noqa: E402
from ecom.schema import FEATURES, TARGET  # noqa: E402
from ecom.search import (  # noqa: E402
    corrected_interval,
    fold_metrics,
    out_of_fold_scores,
    random_search,
    select,
    stratified_folds,
)
from ecom.splitting import split_sessions  # noqa: E402

SEEDS = range(10)
SHIPPED = "selected and tuned"
CLEAN = ROOT / "data" / "processed" / "online_shoppers_clean.csv"
PAGE = ROOT / "docs" / "study.md"
METRICS = {"pr_auc": "PR-AUC", "roc_auc": "ROC-AUC"}


def judge(model: Any, train: pd.DataFrame, test: pd.DataFrame) -> dict[str, float]:
    """Fit a model, and return its test metrics and the seconds that the fit took."""
    begin = time.perf_counter()
    model.fit(train[list(FEATURES)], train[TARGET])
    seconds = time.perf_counter() - begin
    scores = model.predict_proba(test[list(FEATURES)])[:, 1]
    return {**ranking_metrics(test[TARGET], scores), "seconds": seconds}


def study_split(
    sessions: pd.DataFrame, seed: int, params: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Judge baseline, candidates and the pipeline's choice on one split."""
    train, test = split_sessions(sessions, test_size=params["split"].test_size, seed=seed)
    features, labels = train[list(FEATURES)], train[TARGET]
    folds = stratified_folds(labels, params["folds"])
    columns = params["features"].set
    bar = build_pipeline("logistic", feature_set=columns, C=params["baseline"].C)
    found: dict[str, dict[str, Any]] = {"baseline": judge(bar, train, test)}
    by_fold: dict[Candidate, dict[str, Any]] = {}
    for candidate in sorted(params["cv"].candidates, key=CANDIDATES.index):
        model = build_pipeline(candidate, feature_set=columns, seed=params["cv"].seed)
        by_fold[candidate] = fold_metrics(
            labels, out_of_fold_scores(model, features, labels, folds), folds
        )
        found[candidate] = judge(model, train, test)
    selected = select(by_fold, params["cv"].rule)
    search = random_search(
        build_pipeline(selected, feature_set=columns, seed=params["tune"].seed),
        features,
        labels,
        folds=folds,
        tune=params["tune"],
        distributions=params["tune"].distributions_of(selected),
    )
    found[SHIPPED] = judge(search.best_estimator_, train, test) | {"selected": selected}
    return found


def write_page(found: dict[int, dict[str, dict[str, Any]]], test_size: float) -> str:
    """Return the table as Markdown."""
    tables = {
        metric: pd.DataFrame(
            {
                seed: {name: of[metric] for name, of in models.items()}
                for seed, models in found.items()
            }
        ).T
        for metric in (*METRICS, "seconds")
    }
    lines = [
        "# Study: ten splits",
        "",
        (
            f"Test rows of the split seeds {min(found)} to {max(found)}: mean ± standard "
            "deviation. On each, cv selects and tune tunes on that split's training rows alone; "
            "the candidates have their default hyperparameters. Differences are paired by split, "
            "in brackets their 95 % interval (Nadeau and Bengio 2003). Written by `make study`."
        ),
    ]
    rows = []
    for name in tables["pr_auc"]:
        figures = [
            f"{tables[metric][name].mean():.4f} ± {tables[metric][name].std():.4f}"
            for metric in METRICS
        ]
        gain = tables["pr_auc"][SHIPPED] - tables["pr_auc"][name]
        low, high = corrected_interval(gain.tolist(), test_size / (1 - test_size))
        difference = "" if name == SHIPPED else f"{gain.mean():+.4f} ({low:+.4f} to {high:+.4f})"
        seconds = f"{tables['seconds'][name].median():.2f}"
        rows.append([str(name), *figures, seconds, difference])
    less = f"{METRICS['pr_auc']} of the choice less this"
    table = markdown_table(["model", *METRICS.values(), "seconds to fit", less], rows)
    chosen = pd.Series([models[SHIPPED]["selected"] for models in found.values()]).value_counts()
    selections = ", ".join(f"{name} {count} times" for name, count in chosen.items())
    return "\n".join([*lines, "", table, "", f"Selected: {selections}."]) + "\n"


def main() -> None:
    """Study every split."""
    if not CLEAN.exists():
        sys.exit(f"{CLEAN.relative_to(ROOT)} is missing: run `dvc repro clean` first")
    params: dict[str, Any] = parse_params(YAML(typ="safe").load(ROOT / "params.yaml"))
    sessions = pd.read_csv(CLEAN)
    found = {}
    with Progress() as progress:
        for seed in progress.track(SEEDS, description="splits"):
            found[seed] = study_split(sessions, seed, params)
            of = found[seed][SHIPPED]
            progress.console.print(
                f"seed {seed}: {of['selected']}, PR-AUC {of['pr_auc']:.3f}, "
                f"ROC-AUC {of['roc_auc']:.3f}"
            )
    page = write_page(found, params["split"].test_size)
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    Console().print(Markdown(page))


if __name__ == "__main__":
    main()
