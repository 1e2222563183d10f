"""Candidates, folds, search and scores, on generated sessions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from ecom.cleaning import clean
from ecom.errors import DataError, ParamsError
from ecom.evaluation import binary_metrics, class_pairs, precision_recall_points, roc_points
from ecom.features import add_features
from ecom.models import build_pipeline
from ecom.params import Candidate, Distribution, Folds, Tune
from ecom.parsing import parse_csv
from ecom.schema import FEATURES, TARGET
from ecom.search import (
    best_by_mean,
    fold_metrics,
    out_of_fold_scores,
    paired_difference,
    random_search,
    stratified_folds,
    to_scipy,
    trials,
)
from ecom.splitting import split_sessions
from ecom.synthetic import generate_sessions
from ecom.thresholds import expected_cost, threshold_for_quota

CANDIDATES: tuple[Candidate, ...] = ("logistic", "hist_gradient_boosting")
FOLDS = Folds(n_splits=3, seed=0)


def typed_sessions(rows: int = 600, *, drop_duplicates: bool = True) -> pd.DataFrame:
    raw = generate_sessions(rows, seed=3).to_csv(index=False).encode()
    return clean(parse_csv(raw), drop_duplicates=drop_duplicates)


def features_and_labels() -> "tuple[pd.DataFrame, pd.Series[int]]":
    sessions = typed_sessions()
    return sessions[list(FEATURES)], sessions[TARGET]


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_candidate_takes_raw_sessions_and_ranks_better_than_chance(candidate: Candidate) -> None:
    sessions, labels = features_and_labels()

    scores = out_of_fold_scores(
        build_pipeline(candidate, seed=0), sessions, labels, stratified_folds(labels, FOLDS)
    )

    assert scores.shape == (len(sessions),)
    assert ((scores > 0) & (scores < 1)).all()
    assert binary_metrics(labels, scores, 0.3)["roc_auc"] > 0.65


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_engineered_columns_that_are_already_there_change_nothing(candidate: Candidate) -> None:
    sessions, labels = features_and_labels()

    raw = build_pipeline(candidate, seed=0).fit(sessions, labels)
    engineered = build_pipeline(candidate, seed=0).fit(add_features(sessions), labels)

    np.testing.assert_array_equal(
        raw.predict_proba(sessions), engineered.predict_proba(add_features(sessions))
    )


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_a_month_and_a_code_never_seen_in_training_get_a_score(candidate: Candidate) -> None:
    sessions, labels = features_and_labels()
    pipeline = build_pipeline(candidate, seed=0).fit(sessions, labels)

    scores = pipeline.predict_proba(sessions.assign(Month="Jan", Browser=99))

    assert np.isfinite(scores).all()


def test_out_of_fold_scores_come_from_models_that_did_not_see_the_row() -> None:
    sessions, labels = features_and_labels()
    folds = stratified_folds(labels, FOLDS)
    pipeline = build_pipeline("logistic")

    scores = out_of_fold_scores(pipeline, sessions, labels, folds)

    for seen, held_out in folds.split(sessions, labels):
        fitted = clone(pipeline).fit(sessions.iloc[seen], labels.iloc[seen])
        expected = fitted.predict_proba(sessions.iloc[held_out])[:, 1]
        np.testing.assert_allclose(scores[held_out], expected)


def test_the_better_candidate_wins_and_its_difference_is_paired_by_fold() -> None:
    sessions, labels = features_and_labels()
    folds = stratified_folds(labels, FOLDS)
    noise = np.random.default_rng(0).random(len(labels))

    found = {
        "noise": fold_metrics(labels, noise, folds),
        "logistic": fold_metrics(
            labels, out_of_fold_scores(build_pipeline("logistic"), sessions, labels, folds), folds
        ),
    }
    better, worse = found["logistic"]["pr_auc"]["folds"], found["noise"]["pr_auc"]["folds"]

    assert best_by_mean(found) == "logistic"
    assert paired_difference(better, worse)["folds"] == pytest.approx(
        [one - other for one, other in zip(better, worse, strict=True)], abs=1e-6
    )
    assert paired_difference(better, better) == {"mean": 0, "sd": 0, "folds": [0, 0, 0]}


def test_more_folds_than_purchases_is_a_clear_error() -> None:
    labels = pd.Series([1, 1, 0, 0, 0])

    with pytest.raises(DataError, match="n_splits is 3, but the training rows have only 2"):
        stratified_folds(labels, FOLDS)


def tune(**changes: object) -> Tune:
    return Tune.model_validate(
        {
            "n_iter": 3, "scoring": "average_precision", "seed": 0, "n_jobs": 1,
            "distributions": {
                "logistic": {
                    "C": {"distribution": "log_grid", "low": 1e-3, "high": 10.0, "num": 5}
                }
            },
        } | changes
    )  # fmt: skip


def test_a_search_tells_every_trial_and_refits_the_best() -> None:
    sessions, labels = features_and_labels()

    search = random_search(
        build_pipeline("logistic"), sessions, labels,
        folds=stratified_folds(labels, FOLDS), tune=tune(),
        distributions=tune().distributions_of("logistic"),
    )  # fmt: skip
    table = trials(search)

    assert list(table) == [
        "trial", "pr_auc", "pr_auc_sd", "roc_auc", "roc_auc_sd", "best_pr_auc_so_far", "C",
    ]  # fmt: skip
    assert table["best_pr_auc_so_far"].tolist() == table["pr_auc"].cummax().tolist()
    assert len(table) == 3
    assert table["pr_auc"].idxmax() == search.best_index_
    assert table["C"][search.best_index_] == search.best_estimator_["model"].C


def test_the_sd_of_a_trial_is_the_sample_sd_of_its_folds() -> None:
    sessions, labels = features_and_labels()
    search = random_search(
        build_pipeline("logistic"), sessions, labels,
        folds=stratified_folds(labels, FOLDS), tune=tune(n_iter=1),
        distributions=tune().distributions_of("logistic"),
    )  # fmt: skip

    by_fold = [search.cv_results_[f"split{fold}_test_roc_auc"][0] for fold in range(3)]

    assert trials(search)["roc_auc_sd"][0] == pytest.approx(np.std(by_fold, ddof=1))


def test_the_search_is_the_same_whatever_the_number_of_workers() -> None:
    sessions, labels = features_and_labels()
    of_one, of_two = (
        trials(
            random_search(
                build_pipeline("logistic"), sessions, labels,
                folds=stratified_folds(labels, FOLDS), tune=tune(n_jobs=n_jobs),
                distributions=tune().distributions_of("logistic"),
            )
        )
        for n_jobs in (1, 2)
    )  # fmt: skip

    pd.testing.assert_frame_equal(of_one, of_two, check_exact=True)


def test_a_hyperparameter_that_the_model_does_not_have_is_refused() -> None:
    sessions, labels = features_and_labels()
    depth = {"depth": Distribution(distribution="integer", low=1, high=3)}

    with pytest.raises(ParamsError, match="depth, which LogisticRegression does not have"):
        random_search(
            build_pipeline("logistic"), sessions, labels,
            folds=stratified_folds(labels, FOLDS), tune=tune(), distributions=depth,
        )  # fmt: skip


def test_a_value_that_the_model_does_not_take_is_named_with_its_range() -> None:
    sessions, labels = features_and_labels()
    above_one = {"l1_ratio": Distribution(distribution="uniform", low=5, high=9)}

    with pytest.raises(ParamsError, match=r"'l1_ratio' parameter .* must be .*range \[0.*1"):
        random_search(
            build_pipeline("logistic"), sessions, labels,
            folds=stratified_folds(labels, FOLDS), tune=tune(), distributions=above_one,
        )  # fmt: skip


def test_a_candidate_without_distributions_is_refused() -> None:
    with pytest.raises(ParamsError, match="none for hist_gradient_boosting"):
        tune().distributions_of("hist_gradient_boosting")


def test_distributions_reach_from_low_to_high() -> None:
    def drawn(distribution: str, low: float, high: float) -> "list[float]":
        of = Distribution.model_validate({"distribution": distribution, "low": low, "high": high})
        values: list[float] = to_scipy(of).rvs(2000, random_state=0).tolist()
        return values

    assert set(drawn("integer", 2, 4)) == {2, 3, 4}
    uniform, log_uniform = drawn("uniform", 1, 100), drawn("log_uniform", 1, 100)
    assert 1 <= min(uniform) < max(uniform) <= 100
    assert np.median(uniform) == pytest.approx(50.5, rel=0.1)
    assert np.median(log_uniform) == pytest.approx(10, rel=0.1)
    grid = Distribution(distribution="log_grid", low=0.01, high=100, num=5)
    assert to_scipy(grid) == pytest.approx([0.01, 0.1, 1, 10, 100])


@given(test_size=st.floats(0.1, 0.9), seed=st.integers(0, 99), drop=st.booleans())
@settings(max_examples=25)
def test_the_split_is_stratified_and_no_test_row_repeats_a_training_row(
    test_size: float, seed: int, drop: bool
) -> None:
    sessions = typed_sessions(drop_duplicates=drop)

    train, test = split_sessions(sessions, test_size=test_size, seed=seed)

    assert test.merge(train, how="inner").empty
    assert len(train) + len(test) <= len(sessions)
    if drop:
        assert len(train) + len(test) == len(sessions)
        assert test[TARGET].mean() == pytest.approx(sessions[TARGET].mean(), abs=1 / len(test))


def test_duplicates_that_were_kept_do_not_reach_the_test_rows() -> None:
    sessions = pd.concat([typed_sessions()] * 2, ignore_index=True)

    train, test = split_sessions(sessions, test_size=0.5, seed=0)

    assert 0 < len(test) < len(sessions) // 2
    assert test.merge(train, how="inner").empty


@pytest.mark.parametrize("labels", [[0] * 20, [1] + [0] * 19, [1, 1] + [0] * 18])
def test_too_few_purchases_to_split_is_a_clear_error(labels: list[int]) -> None:
    sessions = typed_sessions()[:20].assign(Revenue=labels)

    with pytest.raises(DataError, match=r"split\.test_size 0\.2"):
        split_sessions(sessions, test_size=0.2, seed=0)


def test_curves_run_from_corner_to_corner_and_stay_monotone() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    scores = np.round(0.3 * labels + rng.random(300), 2)

    roc, precision_recall = roc_points(labels, scores), precision_recall_points(labels, scores)

    assert roc.iloc[0].tolist() == [0, 0]
    assert roc.iloc[-1].tolist() == [1, 1]
    assert roc["true_positive_rate"].is_monotonic_increasing
    assert precision_recall["recall"].iloc[[0, -1]].tolist() == [0, 1]
    assert precision_recall["recall"].is_monotonic_increasing
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(binary_metrics(labels, scores, 0.5)["roc_auc"])


def test_a_threshold_is_inclusive_in_every_measure() -> None:
    labels, scores = [0, 1, 1], [0.2, 0.5, 0.7]

    assert binary_metrics(labels, scores, 0.5)["recall"] == 1
    assert class_pairs(labels, scores, 0.5)["predicted"].tolist() == [
        "no purchase", "purchase", "purchase",
    ]  # fmt: skip
    assert expected_cost(labels, scores, 0.5, false_positive=1, false_negative=5) == 0


def test_flagging_nobody_has_precision_zero_not_an_error() -> None:
    metrics = binary_metrics([0, 1], [0.1, 0.2], 0.9)

    assert (metrics["precision"], metrics["recall"]) == (0, 0)


@given(quota=st.floats(0.01, 0.99))
def test_a_quota_flags_that_share_of_the_sessions(quota: float) -> None:
    scores = np.linspace(0, 1, 1000)

    flagged = scores >= threshold_for_quota(scores, quota)

    assert flagged.mean() == pytest.approx(quota, abs=0.002)
