"""Candidates are compared fold by fold, and searched the same way every time."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from ecom.errors import DataError, ParamsError
from ecom.models.candidates import distributions_of
from ecom.models.pipelines import build_pipeline
from ecom.models.search import (
    best_params,
    compare_candidates,
    fold_metrics,
    out_of_fold_scores,
    paired_difference,
    random_search,
    select,
    select_and_tune,
    stratified_folds,
    to_scipy,
    trials,
    tune_candidate,
)
from ecom.params.cv import Cv
from ecom.params.folds import Folds
from ecom.params.tune import Distribution, Tune
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
        np.testing.assert_allclose(scores[held_out], expected, rtol=0, atol=1e-9)


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
        "mean": 0,
        "sd": 0,
        "folds": [0, 0, 0],
        "interval": [0, 0],
    }


def test_candidates_are_judged_from_the_simplest_on_against_the_baseline_and_each_simpler_one() -> (
    None
):
    sessions, labels = features_and_labels()
    folds = stratified_folds(labels, FOLDS)
    pipeline = build_pipeline("logistic", C=1.0)
    baseline: Any = fold_metrics(
        labels, out_of_fold_scores(pipeline, sessions, labels, folds), folds
    )
    reported = []

    found = compare_candidates(
        sessions,
        labels,
        folds=folds,
        cv=Cv(
            candidates=["hist_gradient_boosting", "logistic_interactions", "logistic"],
            rule="best",
            seed=0,
        ),
        feature_set="end_of_session",
        baseline=baseline,
        report=lambda name, _: reported.append(name),
    )

    assert (
        list(found) == reported == ["logistic", "logistic_interactions", "hist_gradient_boosting"]
    )
    assert set(found["logistic"]["pr_auc_minus_baseline"]["folds"]) == {0}  # the same model
    assert "pr_auc_minus_logistic" not in found["logistic"]
    trees = found["hist_gradient_boosting"]
    for reference in ("baseline", "logistic"):
        assert trees[f"roc_auc_minus_{reference}"]["folds"] == pytest.approx(
            np.subtract(trees["roc_auc"]["folds"], baseline["roc_auc"]["folds"]).tolist()
        )
    assert "pr_auc_minus_logistic_interactions" in trees


def means(**values: float) -> dict[str, dict[str, Any]]:
    return {
        name: {"pr_auc": {"mean": mean, "sd": 0.02, "folds": [mean] * 4}}
        for name, mean in values.items()
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
            "n_iter": 3,
            "scoring": "average_precision",
            "seed": 0,
            "n_jobs": 1,
            "backend": "local",
            "scheduler": None,
            "distributions": {
                "logistic": {"C": {"distribution": "log_grid", "low": 1e-3, "high": 10.0, "num": 5}}
            },
        }
        | changes
    )


def test_a_feature_set_gets_what_cv_and_tune_would_choose_for_it() -> None:
    sessions, labels = features_and_labels()
    folds, cv = stratified_folds(labels, FOLDS), Cv(candidates=["logistic"], rule="best", seed=0)

    selected, search = select_and_tune(
        sessions, labels, folds=folds, cv=cv, tune=tune(), feature_set="at_arrival"
    )
    alone = tune_candidate(
        "logistic", sessions, labels, folds=folds, tune=tune(), feature_set="at_arrival"
    )

    assert selected == "logistic"
    assert best_params(search, ["C"]) == best_params(alone, ["C"])
    assert set(best_params(search, ["C"])) == {"C"}
    later = sessions.assign(PageValues=0.0, ProductRelated=0)
    np.testing.assert_array_equal(search.predict_proba(sessions), search.predict_proba(later))


def test_a_search_tells_every_trial_and_refits_the_best() -> None:
    sessions, labels = features_and_labels()

    search = random_search(
        build_pipeline("logistic"),
        sessions,
        labels,
        folds=stratified_folds(labels, FOLDS),
        tune=tune(),
        distributions=distributions_of("logistic", tune()),
    )
    table = trials(search, ["C"])

    assert list(table) == [
        "trial",
        "pr_auc",
        "pr_auc_sd",
        "pr_auc_fold_1",
        "pr_auc_fold_2",
        "pr_auc_fold_3",
        "roc_auc",
        "roc_auc_sd",
        "roc_auc_fold_1",
        "roc_auc_fold_2",
        "roc_auc_fold_3",
        "C",
    ]
    folds = table[["pr_auc_fold_1", "pr_auc_fold_2", "pr_auc_fold_3"]]
    assert folds.mean(axis=1).tolist() == pytest.approx(table["pr_auc"].tolist())
    assert len(table) == 3
    assert table["pr_auc"].idxmax() == search.best_index_
    assert table["C"][search.best_index_] == search.best_estimator_["model"].C


def test_the_sd_of_a_trial_is_the_sample_sd_of_its_folds() -> None:
    sessions, labels = features_and_labels()
    search = random_search(
        build_pipeline("logistic"),
        sessions,
        labels,
        folds=stratified_folds(labels, FOLDS),
        tune=tune(n_iter=1),
        distributions=distributions_of("logistic", tune()),
    )

    by_fold = [search.cv_results_[f"split{fold}_test_roc_auc"][0] for fold in range(3)]

    assert trials(search, ["C"])["roc_auc_sd"][0] == pytest.approx(np.std(by_fold, ddof=1))


@pytest.mark.slow
def test_the_search_is_the_same_whatever_the_number_of_workers() -> None:
    sessions, labels = features_and_labels()
    with_one, with_two = (
        trials(
            random_search(
                build_pipeline("logistic"),
                sessions,
                labels,
                folds=stratified_folds(labels, FOLDS),
                tune=tune(n_jobs=n_jobs),
                distributions=distributions_of("logistic", tune()),
            ),
            ["C"],
        )
        for n_jobs in (1, 2)
    )

    pd.testing.assert_frame_equal(with_one, with_two, check_exact=True)


def test_a_value_that_the_model_does_not_take_is_named_with_its_range() -> None:
    sessions, labels = features_and_labels()
    above_one = {"l1_ratio": Distribution(distribution="uniform", low=5, high=9)}

    with pytest.raises(ParamsError, match=r"'l1_ratio' parameter .* must be .*range \[0.*1"):
        random_search(
            build_pipeline("logistic"),
            sessions,
            labels,
            folds=stratified_folds(labels, FOLDS),
            tune=tune(),
            distributions=above_one,
        )


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
    distributions = distributions_of("average", own)
    assert list(distributions) == [
        "logistic_interactions.C",
        "hist_gradient_boosting.max_leaf_nodes",
    ]

    search = random_search(
        build_pipeline("average", seed=0),
        sessions,
        labels,
        folds=stratified_folds(labels, FOLDS),
        tune=own,
        distributions=distributions,
    )

    best = trials(search, distributions).loc[search.best_index_]
    fitted = {name: member["model"] for name, member in search.best_estimator_["model"].members}
    assert best["logistic_interactions.C"] == fitted["logistic_interactions"].C
    assert (
        fitted["hist_gradient_boosting"].max_leaf_nodes
        == best["hist_gradient_boosting.max_leaf_nodes"]
    )


def test_distributions_reach_from_low_to_high() -> None:
    def drawn(distribution: str, low: float, high: float) -> "list[float]":
        drawing = Distribution.model_validate(
            {"distribution": distribution, "low": low, "high": high}
        )
        values: list[float] = to_scipy(drawing).rvs(2000, random_state=0).tolist()
        return values

    assert set(drawn("integer", 2, 4)) == {2, 3, 4}
    uniform, log_uniform = drawn("uniform", 1, 100), drawn("log_uniform", 1, 100)
    assert 1 <= min(uniform) < max(uniform) <= 100
    assert np.median(uniform) == pytest.approx(50.5, rel=0.1)
    assert np.median(log_uniform) == pytest.approx(10, rel=0.1)
    grid = Distribution(distribution="log_grid", low=0.01, high=100, num=5)
    assert to_scipy(grid) == pytest.approx([0.01, 0.1, 1, 10, 100])
