"""Choosing on training rows only: cross-validation of candidates, and hyperparameter search."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.model_selection import (
    BaseCrossValidator,
    RandomizedSearchCV,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.pipeline import Pipeline

from ecom.digits import round_scores, significant
from ecom.errors import DataError, ParamsError
from ecom.evaluation.ranking import SCORING, ranking_metrics
from ecom.evaluation.resampling import QUANTILES
from ecom.models.candidates import distributions_of, in_order
from ecom.models.pipelines import build_pipeline, parameter_name
from ecom.schema import FeatureSet

if TYPE_CHECKING:
    from ecom.params.cv import Cv, SelectionRule
    from ecom.params.folds import Folds
    from ecom.params.tune import Distribution, Tune
    from ecom.results import ByFold


def stratified_folds(labels: "pd.Series[int]", folds: "Folds") -> StratifiedKFold:
    """Return shuffled folds that keep the share of purchases.

    Raises
    ------
    DataError
        A class has fewer rows than there are folds.
    """
    smallest = min(int(labels.sum()), int((1 - labels).sum()))
    if smallest < folds.n_splits:
        raise DataError(
            f"folds.n_splits is {folds.n_splits}, but the training rows have only {smallest} rows "
            "of one class; each class needs at least as many rows as there are folds. Lower "
            "folds.n_splits or bring more sessions"
        )
    return StratifiedKFold(folds.n_splits, shuffle=True, random_state=folds.seed)


def out_of_fold_scores(
    pipeline: Pipeline,
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    folds: BaseCrossValidator,
    n_jobs: int = 1,
) -> NDArray[np.float64]:
    """Score each session by a clone of the pipeline that was fitted without the session's fold.

    Returns
    -------
    array of shape (n_sessions,)
        Purchase probabilities, rounded.
    """
    scores: NDArray[np.float64] = cross_val_predict(
        pipeline, sessions, labels, cv=folds, method="predict_proba", n_jobs=n_jobs
    )
    return round_scores(scores[:, 1])


def spread(scores: Sequence[float], name: str = "folds") -> dict[str, Any]:
    """Return mean, sample standard deviation (n - 1) and the scores themselves, under a name.

    Examples
    --------
    >>> spread([0.25, 0.75])
    {'mean': 0.5, 'sd': 0.3535533905932738, 'folds': [0.25, 0.75]}
    """
    return {
        "mean": float(np.mean(scores)),
        "sd": float(np.std(scores, ddof=1)),
        name: [float(score) for score in scores],
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
        One difference for each split; at least two.
    test_to_train
        Ratio of test rows to training rows of a split.

    Returns
    -------
    list
        Lower and upper bound, by the corrected t-test of Nadeau and Bengio (2003).
    """
    count = len(differences)
    error = np.std(differences, ddof=1) * np.sqrt(1 / count + test_to_train)
    margin = float(stats.t.ppf(QUANTILES[1], count - 1) * error)
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


def compare_candidates(  # noqa: PLR0913  all that a comparison by folds is
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    *,
    folds: StratifiedKFold,
    cv: "Cv",
    feature_set: FeatureSet,
    n_jobs: int = 1,
    baseline: "ByFold | None" = None,
    report: Callable[[str, Mapping[str, Any]], None] = lambda *_: None,
) -> dict[str, dict[str, Any]]:
    """Judge each candidate by cross-validation, against the baseline and each simpler one.

    Parameters
    ----------
    sessions, labels
        Training rows and their target.
    folds
        The folds that the baseline was judged on.
    cv
        Names of the candidates, and seed of their models.
    feature_set
        The raw columns that models may use.
    n_jobs
        Worker processes; the result does not depend on it.
    baseline
        The `fold_metrics` of the baseline; None to compare candidates with each other only.
    report
        Called with a candidate's name and metrics when they are known.

    Returns
    -------
    dict
        For each candidate, the simplest first, its `fold_metrics` and their
        `paired_difference`, named ``pr_auc_minus_baseline`` and ``pr_auc_minus_`` each simpler
        candidate; likewise for ROC-AUC.
    """
    found: dict[str, dict[str, Any]] = {}
    references: dict[str, Mapping[str, Any]] = {"baseline": baseline} if baseline else {}
    for candidate in in_order(cv.candidates):
        pipeline = build_pipeline(candidate, feature_set=feature_set, seed=cv.seed)
        scores = out_of_fold_scores(pipeline, sessions, labels, folds, n_jobs)
        metrics = fold_metrics(labels, scores, folds)
        found[candidate] = metrics | {
            f"{metric}_minus_{name}": paired_difference(
                metrics[metric]["folds"], reference[metric]["folds"]
            )
            for name, reference in references.items()
            for metric in metrics
        }
        references[candidate] = metrics
        report(candidate, metrics)
    return found


def select(candidates: Mapping[str, Mapping[str, Any]], rule: "SelectionRule") -> str:
    """Select a candidate by its mean PR-AUC over the folds.

    Parameters
    ----------
    candidates
        The `fold_metrics` of each candidate, the simplest first.
    rule
        ``best``: the highest mean. ``one_standard_error``: the simplest candidate whose mean is
        within one standard error of the best (Breiman et al. 1984, section 3.4.3).

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


def random_search(  # noqa: PLR0913  all that a search is
    pipeline: Pipeline,
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    *,
    folds: StratifiedKFold,
    tune: "Tune",
    distributions: "Mapping[str, Distribution]",
    progress: bool = False,
) -> RandomizedSearchCV:
    """Search hyperparameters of a candidate's model by cross-validation.

    Parameters
    ----------
    pipeline
        Unfitted candidate, from `ecom.models.pipelines.build_pipeline`.
    sessions, labels
        Training rows and their target.
    folds
        Folds that each setting is scored on.
    tune
        Number of settings, score to maximise, seed and worker processes.
    distributions
        What each hyperparameter is drawn from, from `ecom.models.candidates.distributions_of`.
    progress
        Whether to draw a progress bar on standard output, if models are fitted on this machine.

    Returns
    -------
    RandomizedSearchCV
        Fitted; its ``best_estimator_`` is refitted on all rows.

    Raises
    ------
    ParamsError
        The model refuses a value that was drawn for it.
    """
    search = RandomizedSearchCV(
        pipeline,
        {parameter_name(name): to_scipy(drawn) for name, drawn in distributions.items()},
        n_iter=tune.n_iter,
        scoring=sorted({*SCORING.values(), tune.scoring}),
        refit=tune.scoring,
        cv=folds,
        random_state=tune.seed,
        n_jobs=tune.n_jobs,
        error_score="raise",
    )
    if progress and tune.backend == "local":  # the bar is drawn by processes of this machine
        from sklearn.callback import ProgressBar

        search.set_callbacks(ProgressBar())
    try:
        return search.fit(sessions, labels)
    except ValueError as error:  # scikit-learn names hyperparameter, value and allowed range
        raise ParamsError(f"tune.distributions gives a setting that fails: {error}") from None


def tune_candidate(  # noqa: PLR0913  all that a search is
    candidate: str,
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    *,
    folds: StratifiedKFold,
    tune: "Tune",
    feature_set: FeatureSet,
    progress: bool = False,
) -> RandomizedSearchCV:
    """Search the hyperparameters that params.yaml has distributions for: `random_search` of them.

    Parameters
    ----------
    candidate
        Its name.
    sessions, labels, folds, tune, progress
        As for `random_search`.
    feature_set
        The raw columns that the model may use.
    """
    return random_search(
        build_pipeline(candidate, feature_set=feature_set, seed=tune.seed),
        sessions,
        labels,
        folds=folds,
        tune=tune,
        distributions=distributions_of(candidate, tune),
        progress=progress,
    )


def best_params(search: RandomizedSearchCV, hyperparameters: Iterable[str]) -> dict[str, Any]:
    """Return the best setting of a search, by the names that params.yaml has for its parts."""
    return {name: search.best_params_[parameter_name(name)] for name in hyperparameters}


def select_and_tune(  # noqa: PLR0913  all that a choice is
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    *,
    folds: StratifiedKFold,
    cv: "Cv",
    tune: "Tune",
    feature_set: FeatureSet,
) -> tuple[str, RandomizedSearchCV]:
    """Choose a model for a feature set, as the stages cv and tune do it for the one in use.

    Parameters
    ----------
    sessions, labels
        Training rows and their target.
    folds
        Folds that candidates and settings are scored on.
    cv, tune
        Sections of params.yaml.
    feature_set
        The raw columns that models may use.

    Returns
    -------
    tuple
        Name of the candidate, and its `random_search`.
    """
    candidates = compare_candidates(
        sessions, labels, folds=folds, cv=cv, feature_set=feature_set, n_jobs=tune.n_jobs
    )
    selected = select(candidates, cv.rule)
    search = tune_candidate(
        selected, sessions, labels, folds=folds, tune=tune, feature_set=feature_set
    )
    return selected, search


class Rounded(NamedTuple):
    """A scipy distribution whose draws keep the digits that mean something."""

    distribution: Any

    def rvs(self, size: int | None = None, random_state: Any = None) -> Any:
        """Draw, as scipy does; a single draw is a float."""
        return significant(self.distribution.rvs(size=size, random_state=random_state))[()]


def to_scipy(distribution: "Distribution") -> Any:
    """Return what scikit-learn's `ParameterSampler` draws from: a scipy distribution or a list."""
    low, high = distribution.low, distribution.high
    match distribution.distribution:
        case "uniform":
            return Rounded(stats.uniform(low, high - low))
        case "log_uniform":
            return Rounded(stats.loguniform(low, high))
        case "integer":
            return stats.randint(int(low), int(high) + 1)
        case "log_grid":
            return significant(np.geomspace(low, high, distribution.num or 2)).tolist()


def trials(search: RandomizedSearchCV, hyperparameters: Iterable[str]) -> pd.DataFrame:
    """Return one row per setting tried, in the order tried.

    Parameters
    ----------
    search
        Fitted, from `random_search`.
    hyperparameters
        Names of those that were drawn.

    Returns
    -------
    DataFrame
        ``trial`` from 1; mean and sample standard deviation of each metric over the folds, and its
        value on each fold; the hyperparameters.
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
    for name in hyperparameters:
        columns[name] = [params[parameter_name(name)] for params in results["params"]]
    return pd.DataFrame(columns)
