"""Choosing on training rows only: cross-validation of candidates, and hyperparameter search."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline

from ecom.errors import DataError, ParamsError
from ecom.evaluation import ranking_metrics
from ecom.models import hyperparameter_names, path_of
from ecom.params import Distribution, Folds, Tune

Name = TypeVar("Name", bound=str)

SCORING = {"pr_auc": "average_precision", "roc_auc": "roc_auc"}


def stratified_folds(labels: "pd.Series[int]", folds: Folds) -> StratifiedKFold:
    """Return shuffled folds that keep the share of purchases.

    Raises
    ------
    DataError
        A class has fewer rows than there are folds.
    """
    smallest = min(int(labels.sum()), int((1 - labels).sum()))
    if smallest < folds.n_splits:
        raise DataError(
            f"folds.n_splits is {folds.n_splits}, but the training rows have only {smallest} of "
            "one class: expected at least as many. Lower folds.n_splits or bring more sessions"
        )
    return StratifiedKFold(folds.n_splits, shuffle=True, random_state=folds.seed)


def out_of_fold_scores(
    pipeline: Pipeline,
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    folds: StratifiedKFold,
    n_jobs: int = 1,
) -> NDArray[np.float64]:
    """Score each session by a clone of the pipeline that was fitted without its fold.

    Returns
    -------
    array of shape (n_sessions,)
        Purchase probabilities.
    """
    scores: NDArray[np.float64] = cross_val_predict(
        pipeline, sessions, labels, cv=folds, method="predict_proba", n_jobs=n_jobs
    )
    return scores[:, 1]


def spread(fold_scores: Sequence[float]) -> dict[str, Any]:
    """Return mean, sample standard deviation (n - 1) and the scores themselves.

    Examples
    --------
    >>> spread([0.25, 0.75])
    {'mean': 0.5, 'sd': 0.3535533905932738, 'folds': [0.25, 0.75]}
    """
    return {
        "mean": float(np.mean(fold_scores)),
        "sd": float(np.std(fold_scores, ddof=1)),
        "folds": [float(score) for score in fold_scores],
    }


def paired_difference(fold_scores: Sequence[float], reference: Sequence[float]) -> dict[str, Any]:
    """Return the fold-by-fold difference to a reference on the same folds.

    Returns
    -------
    dict
        The `spread` of the differences, and the `corrected_interval` of their mean.
    """
    differences = np.subtract(fold_scores, reference).tolist()
    return {
        **spread(differences),
        "interval": corrected_interval(differences, 1 / (len(differences) - 1)),
    }


def corrected_interval(differences: Sequence[float], test_to_train: float) -> list[float]:
    """Return the 95 % interval of a mean over splits whose training parts share rows.

    Parameters
    ----------
    differences
        One per split, at least two.
    test_to_train
        Test rows of a split per training row.

    Returns
    -------
    list
        Lower and upper bound, by the corrected t-test of Nadeau and Bengio (2003).
    """
    count = len(differences)
    error = np.std(differences, ddof=1) * np.sqrt(1 / count + test_to_train)
    margin = float(stats.t.ppf(0.975, count - 1) * error)
    mean = float(np.mean(differences))
    return [mean - margin, mean + margin]


def fold_metrics(
    labels: "pd.Series[int]", scores: NDArray[np.float64], folds: StratifiedKFold
) -> dict[str, dict[str, Any]]:
    """Return the `spread` of PR-AUC and of ROC-AUC over the folds of out-of-fold scores."""
    by_fold = [
        ranking_metrics(labels.iloc[held_out], scores[held_out])
        for _, held_out in folds.split(scores, labels)
    ]
    return {metric: spread([fold[metric] for fold in by_fold]) for metric in SCORING}


def select(
    candidates: Mapping[Name, Mapping[str, Any]], rule: Literal["best", "one_standard_error"]
) -> Name:
    """Select a candidate by its mean PR-AUC over the folds.

    Parameters
    ----------
    candidates
        The `fold_metrics` of each candidate, from the simplest on.
    rule
        ``best``: the highest mean. ``one_standard_error``: the simplest whose mean is within one
        standard error of the best (Breiman et al. 1984, section 3.4.3).

    Returns
    -------
    str
        Name of a candidate; of equals, the simplest.
    """
    means = {name: metrics["pr_auc"]["mean"] for name, metrics in candidates.items()}
    best = max(means, key=lambda name: means[name])
    if rule == "best":
        return best
    spread_of_best = candidates[best]["pr_auc"]
    error = spread_of_best["sd"] / np.sqrt(len(spread_of_best["folds"]))
    return next(name for name, mean in means.items() if mean >= means[best] - error)


def random_search(  # noqa: PLR0913  all of what a search is
    pipeline: Pipeline,
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    *,
    folds: StratifiedKFold,
    tune: Tune,
    distributions: Mapping[str, Distribution],
    progress: bool = False,
) -> RandomizedSearchCV:
    """Search hyperparameters of a candidate's model by cross-validation.

    Parameters
    ----------
    pipeline
        Unfitted candidate of `ecom.models.build_pipeline`.
    sessions, labels
        Training rows and their target.
    folds
        Folds that each setting is scored on.
    tune
        Number of settings, score to maximise, seed and worker processes.
    distributions
        What each hyperparameter is drawn from.
    progress
        Draw a progress bar on standard output.

    Returns
    -------
    RandomizedSearchCV
        Fitted; ``best_estimator_`` is refitted on all rows.

    Raises
    ------
    ParamsError
        The model has no such hyperparameter, or does not take a value drawn for it.
    """
    known = hyperparameter_names(pipeline)
    unknown = [name for name in distributions if name not in known]
    if unknown:
        raise ParamsError(
            f"tune.distributions names hyperparameters {', '.join(unknown)}, which the "
            f"candidate does not have; it has {', '.join(known)}"
        )
    search = RandomizedSearchCV(
        pipeline,
        {path_of(name): to_scipy(drawn) for name, drawn in distributions.items()},
        n_iter=tune.n_iter,
        scoring=sorted({*SCORING.values(), tune.scoring}),
        refit=tune.scoring,
        cv=folds,
        random_state=tune.seed,
        n_jobs=tune.n_jobs,
        error_score="raise",
    )
    if progress:
        from sklearn.callback import ProgressBar

        search.set_callbacks(ProgressBar())
    try:
        return search.fit(sessions, labels)
    except ValueError as error:  # scikit-learn names hyperparameter, value and allowed range
        raise ParamsError(f"tune.distributions gives a setting that fails: {error}") from None


def to_scipy(distribution: Distribution) -> Any:
    """Return what scikit-learn's `ParameterSampler` draws from: a scipy distribution or a list."""
    low, high = distribution.low, distribution.high
    match distribution.distribution:
        case "uniform":
            return stats.uniform(low, high - low)
        case "log_uniform":
            return stats.loguniform(low, high)
        case "integer":
            return stats.randint(int(low), int(high) + 1)
        case "log_grid":
            return np.geomspace(low, high, distribution.num or 2).tolist()


def trials(search: RandomizedSearchCV, hyperparameters: Iterable[str]) -> pd.DataFrame:
    """Return one row per setting tried, in the order tried.

    Parameters
    ----------
    search
        Of `random_search`.
    hyperparameters
        Those that were drawn.

    Returns
    -------
    DataFrame
        ``trial`` from 1; mean and sample standard deviation of each metric over the folds, and
        its value on each; the best mean PR-AUC so far; the hyperparameters.
    """
    results = search.cv_results_
    n_splits = search.n_splits_
    columns: dict[str, Any] = {"trial": range(1, len(results["params"]) + 1)}
    for metric, scoring in SCORING.items():
        columns[metric] = results[f"mean_test_{scoring}"]
        columns[f"{metric}_sd"] = results[f"std_test_{scoring}"] * np.sqrt(
            n_splits / (n_splits - 1)
        )
        for fold in range(n_splits):
            columns[f"{metric}_fold_{fold + 1}"] = results[f"split{fold}_test_{scoring}"]
    columns["best_pr_auc_so_far"] = np.maximum.accumulate(columns["pr_auc"])
    for name in hyperparameters:
        columns[name] = [params[path_of(name)] for params in results["params"]]
    return pd.DataFrame(columns)
