"""Candidates are compared fold by fold, and searched the same way every time."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ecom.errors import DataError, ParamsError
from ecom.models import build_pipeline
from ecom.params import Distribution, Folds, Tune
from ecom.search import (
    fold_metrics,
    out_of_fold_scores,
    paired_difference,
    random_search,
    select,
    stratified_folds,
    to_scipy,
    trials,
)
from generated import features_and_labels

FOLDS = Folds(n_splits=3, seed=0)


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

    assert select(found, "best") == select(found, "one_standard_error") == "logistic"
    assert paired_difference(better, worse)["folds"] == pytest.approx(
        [one - other for one, other in zip(better, worse, strict=True)]
    )
    assert paired_difference(better, better) == {
        "mean": 0, "sd": 0, "folds": [0, 0, 0], "interval": [0, 0],
    }  # fmt: skip


def means(**of_candidates: float) -> dict[str, dict[str, Any]]:
    return {
        name: {"pr_auc": {"mean": mean, "sd": 0.02, "folds": [mean] * 4}}
        for name, mean in of_candidates.items()
    }


def test_the_rule_of_one_standard_error_takes_the_simplest_that_is_near_the_best() -> None:
    # The standard error of the best is 0.02 / sqrt(4) = 0.01.
    near = means(simple=0.70, medium=0.745, complex=0.75)
    far = means(simple=0.70, medium=0.735, complex=0.75)

    assert select(near, "one_standard_error") == "medium"
    assert select(far, "one_standard_error") == "complex"
    assert select(near, "best") == select(far, "best") == "complex"


def test_of_candidates_that_are_equal_the_simplest_is_selected() -> None:
    assert select(means(simple=0.7, complex=0.7), "best") == "simple"


def test_the_interval_of_a_difference_allows_for_shared_training_rows() -> None:
    # Nadeau and Bengio: sd * sqrt(1/k + 1/(k - 1)) for k folds, times t(0.975, k - 1) = 2.776.
    difference = paired_difference([0.1, 0.2, 0.3, 0.4, 0.5], [0.0] * 5)

    margin = 2.776445 * 0.158114 * (1 / 5 + 1 / 4) ** 0.5
    assert difference["interval"] == pytest.approx([0.3 - margin, 0.3 + margin], abs=1e-5)


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
    table = trials(search, ["C"])

    assert list(table) == [
        "trial", "pr_auc", "pr_auc_sd", "pr_auc_fold_1", "pr_auc_fold_2", "pr_auc_fold_3",
        "roc_auc", "roc_auc_sd", "roc_auc_fold_1", "roc_auc_fold_2", "roc_auc_fold_3",
        "best_pr_auc_so_far", "C",
    ]  # fmt: skip
    folds = table[["pr_auc_fold_1", "pr_auc_fold_2", "pr_auc_fold_3"]]
    assert folds.mean(axis=1).tolist() == pytest.approx(table["pr_auc"].tolist())
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

    assert trials(search, ["C"])["roc_auc_sd"][0] == pytest.approx(np.std(by_fold, ddof=1))


def test_the_search_is_the_same_whatever_the_number_of_workers() -> None:
    sessions, labels = features_and_labels()
    of_one, of_two = (
        trials(
            random_search(
                build_pipeline("logistic"), sessions, labels,
                folds=stratified_folds(labels, FOLDS), tune=tune(n_jobs=n_jobs),
                distributions=tune().distributions_of("logistic"),
            ),
            ["C"],
        )
        for n_jobs in (1, 2)
    )  # fmt: skip

    pd.testing.assert_frame_equal(of_one, of_two, check_exact=True)


def test_a_hyperparameter_that_the_model_does_not_have_is_refused() -> None:
    sessions, labels = features_and_labels()
    depth = {"depth": Distribution(distribution="integer", low=1, high=3)}

    with pytest.raises(ParamsError, match="depth, which the candidate does not have; it has C, "):
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


def test_an_average_draws_from_the_distributions_of_its_members() -> None:
    sessions, labels = features_and_labels()
    leaves = {"max_leaf_nodes": {"distribution": "integer", "low": 3.0, "high": 9.0}}
    own = tune(
        distributions={
            "logistic_interactions": {
                "C": {"distribution": "log_uniform", "low": 0.1, "high": 1.0}
            },
            "hist_gradient_boosting": leaves,
        }
    )
    distributions = own.distributions_of("average")
    assert list(distributions) == [
        "logistic_interactions.C",
        "hist_gradient_boosting.max_leaf_nodes",
    ]

    search = random_search(
        build_pipeline("average", seed=0), sessions, labels,
        folds=stratified_folds(labels, FOLDS), tune=own, distributions=distributions,
    )  # fmt: skip

    best = trials(search, distributions).loc[search.best_index_]
    of_member = {name: member["model"] for name, member in search.best_estimator_["model"].members}
    assert best["logistic_interactions.C"] == of_member["logistic_interactions"].C
    assert (
        of_member["hist_gradient_boosting"].max_leaf_nodes
        == best["hist_gradient_boosting.max_leaf_nodes"]
    )


def test_an_average_needs_the_distributions_of_both_members() -> None:
    with pytest.raises(ParamsError, match=r"none for logistic_interactions, .* in an average"):
        tune().distributions_of("average")


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
