"""The brief's figures, digit for digit, by the library's own functions under the brief's protocol.

docs/brief_protocol.md says where that protocol was wrong. What is written here are the brief's
published figures and those of its threshold and cost tables, not results of this project.
"""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import ArrayLike
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from ecom.data.splitting import split_sessions
from ecom.evaluation.metrics import Sample, measure, without_resamples
from ecom.evaluation.ranking import ranking_metrics
from ecom.models.candidates import distributions_of
from ecom.models.pipelines import build_pipeline
from ecom.models.search import (
    fold_metrics,
    out_of_fold_scores,
    random_search,
    stratified_folds,
    trials,
)
from ecom.params.folds import Folds
from ecom.params.split import Split
from ecom.params.threshold import Costs
from ecom.params.tune import Distribution, Tune
from ecom.schema import FEATURES, TARGET
from generated import cleaned_csv
from project import NEEDS_REAL_DATA, ROOT, metrics_of, real_data

FOLDS = Folds(n_splits=5, seed=42)
C = Distribution(distribution="log_grid", low=1e-3, high=1e3, num=30)
COSTS = Costs(false_positive=1.0, false_negative=5.0)


def parts(sessions: pd.DataFrame) -> "tuple[pd.DataFrame, pd.Series[int]]":
    return sessions[list(FEATURES)], sessions[TARGET]


def at_threshold(labels: ArrayLike, scores: ArrayLike, threshold: float) -> dict[str, float]:
    """Return the metrics of flagging all scores at or above a threshold."""
    return without_resamples(
        measure(Sample.of_scores(labels, scores, threshold=threshold, costs=COSTS))
    )


@pytest.fixture(scope="module")
def sessions() -> pd.DataFrame:
    path = real_data()
    if path is None:
        pytest.skip(NEEDS_REAL_DATA)
    return cleaned_csv(path.read_bytes())


@pytest.fixture(scope="module")
def split(sessions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return split_sessions(sessions, Split(test_size=0.2, seed=42, max_train_rows=None))


def test_rows(sessions: pd.DataFrame, split: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    train, test = split

    assert (len(sessions), len(train), len(test), test[TARGET].sum()) == (12_205, 9_764, 2_441, 382)


def test_baseline(split: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    train, test = split
    pipeline = build_pipeline("logistic", C=1.0).fit(*parts(train))

    labels, scores = test[TARGET], pipeline.predict_proba(parts(test)[0])[:, 1]

    metrics = ranking_metrics(labels, scores) | at_threshold(labels, scores, 0.3)
    figures = {
        name: round(metrics[name], 6) for name in ("pr_auc", "roc_auc", "precision", "recall")
    }
    assert figures == {
        "pr_auc": 0.658156,
        "roc_auc": 0.901815,
        "precision": 0.692790,
        "recall": 0.578534,
    }


def test_the_pipeline_itself_shows_the_same_baseline() -> None:
    metrics = metrics_of(ROOT, "evaluate")["baseline"]

    assert (metrics["pr_auc"], metrics["roc_auc"]) == (0.658156, 0.901815)


def test_cross_validation_on_the_fifth_of_the_rows_that_the_brief_took(
    sessions: pd.DataFrame,
) -> None:
    fifth, _ = train_test_split(
        sessions, train_size=0.2, stratify=sessions[TARGET], random_state=42
    )
    features, labels = parts(fifth)
    folds = stratified_folds(labels, FOLDS)

    scores = out_of_fold_scores(build_pipeline("logistic", C=1.0), features, labels, folds)
    roc_auc = fold_metrics(labels, scores, folds)["roc_auc"]

    assert [round(score, 5) for score in roc_auc["folds"]] == [
        0.86896,
        0.88627,
        0.88535,
        0.88110,
        0.89124,
    ]
    assert round(roc_auc["mean"], 5) == 0.88258


@pytest.fixture(scope="module")
def tuned(split: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[Pipeline, pd.Series]:
    """Return the brief's tuned model, and the row of its trial."""
    features, labels = parts(split[0])
    tune = Tune(
        n_iter=15,
        scoring="roc_auc",
        seed=42,
        n_jobs=1,
        backend="local",
        scheduler=None,
        distributions={"logistic": {"C": C}},
    )
    search = random_search(
        build_pipeline("logistic"),
        features,
        labels,
        folds=stratified_folds(labels, FOLDS),
        tune=tune,
        distributions=distributions_of("logistic", tune),
    )
    return search.best_estimator_, trials(search, ["C"]).loc[search.best_index_]


@pytest.fixture(scope="module")
def scores(
    tuned: tuple[Pipeline, pd.Series], split: tuple[pd.DataFrame, pd.DataFrame]
) -> "tuple[pd.Series[int], list[float]]":
    """Return labels and the tuned model's scores of the test rows."""
    features, labels = parts(split[1])
    return labels, tuned[0].predict_proba(features)[:, 1].tolist()


def test_tuning(
    tuned: tuple[Pipeline, pd.Series], scores: "tuple[pd.Series[int], list[float]]"
) -> None:
    trial = tuned[1]

    assert trial["C"] == pytest.approx(0.010826367338740546, rel=1e-8)  # 9 digits are kept
    assert round(trial["roc_auc"], 5) == 0.89245
    assert round(ranking_metrics(*scores)["roc_auc"], 5) == 0.90487


@pytest.mark.parametrize(
    ("threshold", "precision", "recall"),
    [
        (0.1, 0.322, 0.948),
        (0.2, 0.591, 0.712),
        (0.3, 0.703, 0.539),
        (0.4, 0.752, 0.445),
        (0.5, 0.779, 0.351),
    ],
)
def test_thresholds(
    threshold: float,
    precision: float,
    recall: float,
    scores: "tuple[pd.Series[int], list[float]]",
) -> None:
    metrics = at_threshold(*scores, threshold)

    assert (round(metrics["precision"], 3), round(metrics["recall"], 3)) == (precision, recall)


@pytest.mark.parametrize(("quota", "cost"), [(0.1, 1087), (0.2, 743), (0.3, 699)])
def test_costs(quota: float, cost: int, scores: "tuple[pd.Series[int], list[float]]") -> None:
    labels, test_scores = scores
    threshold = float(np.quantile(test_scores, 1 - quota))
    metrics = at_threshold(labels, test_scores, threshold)

    assert round(metrics["cost_per_1000_sessions"] * len(labels) / 1000, 6) == cost
