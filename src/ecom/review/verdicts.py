"""Whether a metric moved or only jittered: paired differences on the same sessions, judged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Self, cast, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from ecom.evaluation import count_flagged, operating_metrics, score_metrics
from ecom.notation import COST
from ecom.params import (
    Bootstrap,
    Costs,
    Evaluate,
    Review,
    ReviewedMetric,
    Threshold,
    parse_params,
)
from ecom.resampling import Floats, interval, stratified_bootstrap
from ecom.schema import TARGET
from ecom.slices import SLICES
from ecom.thresholds import choose_threshold

Verdict = Literal["better", "worse", "no different"]

METRICS: Final[tuple[ReviewedMetric, ...]] = get_args(ReviewedMetric)
SIDES: Final = ("base", "head")
LOWER_IS_BETTER: Final = {"brier", "expected_calibration_error", COST}
UNIT_COSTS: Final = Costs(false_positive=1.0, false_negative=1.0)
LEVEL: Final = 0.05  # of all slices together


@dataclass(frozen=True)
class Choice:
    """How a threshold was chosen, so that it can be chosen anew on resamples.

    Attributes
    ----------
    out_of_fold
        ``Revenue`` and ``score`` of the training rows, by the row's number.
    params
        The strategy, with its knobs.
    """

    out_of_fold: pd.DataFrame
    params: Threshold


@dataclass(frozen=True)
class Side:
    """One of two models under comparison.

    Attributes
    ----------
    scores : array of shape (n,)
        Of the test sessions.
    threshold
        Scores from here on are flagged.
    choice
        Of the threshold; without, it counts as given.
    """

    scores: Floats
    threshold: float
    choice: Choice | None = None


@dataclass(frozen=True)
class Finding:
    """A metric on both sides.

    Attributes
    ----------
    base, head
        The metric.
    difference
        Head minus base.
    interval
        95 %, of the difference.
    probability_better
        Share of the resamples in which head is better; those with a tie count half.
    smallest_difference
        Worth caring about.
    verdict
        ``better`` or ``worse`` where the interval leaves 0 out and the difference is worth caring
        about, else ``no different``.
    """

    metric: ReviewedMetric
    base: float
    head: float
    difference: float
    interval: tuple[float, float]
    probability_better: float
    smallest_difference: float
    verdict: Verdict


@dataclass(frozen=True)
class SliceFinding:
    """PR-AUC on both sides, in part of the sessions; the p-value is adjusted for all slices."""

    slice: str
    sessions: int
    purchases: int
    base: float
    head: float
    difference: float
    p_value: float
    verdict: Verdict


@dataclass(frozen=True)
class Rules:
    """How models are judged.

    Attributes
    ----------
    review
        Smallest differences worth caring about.
    bootstrap
        Number of resamples, and seed.
    small_slice
        A slice with fewer purchases, or fewer others, is left out.
    """

    review: Review
    bootstrap: Bootstrap
    small_slice: int

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Self:
        """Take the rules from the content of params.yaml.

        Raises
        ------
        ParamsError
            A value in it is not allowed.
        """
        sections = parse_params(params)
        return cls(
            cast("Review", sections["review"]),
            cast("Bootstrap", sections["bootstrap"]),
            cast("Evaluate", sections["evaluate"]).small_slice,
        )


def judge(  # noqa: PLR0913  costs and bins are left out apart
    labels: ArrayLike,
    base: Side,
    head: Side,
    rules: Rules,
    *,
    costs: Costs | None,
    bins: int | None,
) -> list[Finding]:
    """Judge each metric by its paired difference under the stratified bootstrap.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    base, head
        Models of the same sessions.
    rules
        Resamples, and smallest differences worth caring about.
    costs
        Of an error; without, cost is left out.
    bins
        Of the expected calibration error; without, that is left out.

    Notes
    -----
    A verdict needs both: a difference that sampling alone would seldom give, and one that matters.
    The first alone would call any two fits different once the test rows are many enough; the
    second alone would call noise a change.

    Where the choice of the thresholds is known, each resample is of the training rows too, and
    the thresholds are chosen anew on it: cost is so flat around its minimum that another seed of
    the folds moves threshold, precision and recall by more than the test rows' noise. A threshold
    that its choice does not give here is taken as given: what chose it was other code.
    """
    metrics = [
        metric
        for metric in METRICS
        if (costs or metric != COST) and (bins or metric != "expected_calibration_error")
    ]
    labels = np.asarray(labels)

    def measure(side: Side, weights: Floats, threshold: float | Floats) -> dict[str, Floats]:
        found = {
            **score_metrics(labels, side.scores, bins=bins or 1, weights=weights),
            **operating_metrics(
                count_flagged(labels, side.scores, weights), threshold, costs or UNIT_COSTS
            ),
        }
        return {metric: found[metric] for metric in metrics}

    training, thresholds_of = _thresholds(base, head)

    def resample(weights: Floats) -> dict[str, Floats]:
        test, thresholds = weights[:, : len(labels)], thresholds_of(weights[:, len(labels) :])
        return {
            f"{name}/{metric}": values
            for name, side, threshold in zip(SIDES, (base, head), thresholds, strict=True)
            for metric, values in measure(side, test, threshold).items()
        }

    once = np.ones((1, len(labels)))
    before, after = (measure(side, once, side.threshold) for side in (base, head))
    here = {metric: (float(before[metric][0]), float(after[metric][0])) for metric in metrics}
    # One draw for both, with the classes of test and of training rows as strata.
    strata = np.concatenate([labels, 2 + training])
    resampled = stratified_bootstrap(strata, resample, rules.bootstrap)
    findings = []
    for metric in metrics:
        differences = resampled[f"head/{metric}"] - resampled[f"base/{metric}"]
        low, high = interval(differences)
        gains = _gain(metric, differences)
        difference = here[metric][1] - here[metric][0]
        smallest = getattr(rules.review.smallest_difference, metric)
        findings.append(
            Finding(
                metric=metric,
                base=here[metric][0],
                head=here[metric][1],
                difference=difference,
                interval=(low, high),
                probability_better=float(np.mean(gains > 0) + np.mean(gains == 0) / 2),
                smallest_difference=smallest,
                verdict=_verdict(
                    metric,
                    difference,
                    smallest,
                    sure=difference * low > 0 and difference * high > 0,
                ),
            )
        )
    return findings


def _thresholds(
    base: Side, head: Side
) -> tuple[NDArray[np.int64], Callable[[Floats], list[float | Floats]]]:
    """Return labels of the training rows drawn, and both sides' thresholds by their weights."""
    choices = [side.choice if _is_chosen(side) else None for side in (base, head)]
    known = [choice.out_of_fold for choice in choices if choice]
    if not known:
        return np.empty(0, dtype=np.int64), lambda _: [base.threshold, head.threshold]
    # Where the training rows differ, those that both sides have are drawn for both alike.
    rows = known[0].combine_first(known[-1])

    def threshold(side: Side, choice: Choice | None, weights: Floats) -> float | Floats:
        if choice is None:
            return side.threshold
        own = choice.out_of_fold
        weights = weights[:, rows.index.get_indexer(own.index)]
        return choose_threshold(count_flagged(own[TARGET], own["score"], weights), choice.params)

    return rows[TARGET].to_numpy(dtype=np.int64), lambda weights: [
        threshold(side, choice, weights) for side, choice in zip((base, head), choices, strict=True)
    ]


def _is_chosen(side: Side) -> bool:
    """Tell whether the choice gives the threshold, on the rows as they are."""
    if side.choice is None:
        return False
    own = side.choice.out_of_fold
    chosen = choose_threshold(count_flagged(own[TARGET], own["score"]), side.choice.params)
    return bool(np.isclose(chosen[0], side.threshold, rtol=0, atol=1e-9))


def overall(
    findings: Mapping[ReviewedMetric, Verdict], decisive: list[ReviewedMetric]
) -> Verdict | None:
    """Return the verdict of the whole: worse where any decisive metric is, so that none hides it.

    None where no decisive metric was judged.

    Examples
    --------
    >>> overall({"pr_auc": "better", "brier": "worse"}, ["pr_auc"])
    'better'
    >>> overall({"pr_auc": "better", "brier": "worse"}, ["pr_auc", "brier"])
    'worse'
    """
    verdicts = {findings[metric] for metric in decisive if metric in findings}
    if not verdicts:
        return None
    return next((one for one in ("worse", "better") if one in verdicts), "no different")


def judge_slices(
    sessions: pd.DataFrame, labels: "pd.Series[int]", base: Side, head: Side, rules: Rules
) -> list[SliceFinding]:
    """Judge PR-AUC in each slice of the sessions, small ones aside.

    Parameters
    ----------
    sessions, labels
        Raw sessions and their target, row by row as the scores of `base` and `head`.
    base, head
        Models of the same sessions.
    rules
        Resamples, smallest difference worth caring about, and which slices are small.

    Returns
    -------
    list of SliceFinding
        P-values are adjusted after Holm (1979): the chance that any slice is called better or
        worse where none is stays below 5 %.
    """
    found = []
    for name, values_of in SLICES.items():
        values = values_of(sessions)
        for value in values.unique():
            chosen = (values == value).to_numpy()
            if min(np.bincount(labels[chosen], minlength=2)) >= rules.small_slice:
                found.append(
                    _judge_slice(
                        f"{name}: {value}",
                        labels[chosen].to_numpy(),
                        base.scores[chosen],
                        head.scores[chosen],
                        rules.bootstrap,
                    )
                )
    adjusted = holm([of.p_value for of in found])
    return [
        replace(
            of,
            p_value=p_value,
            verdict=_verdict(
                "pr_auc",
                of.difference,
                rules.review.smallest_difference.pr_auc,
                sure=p_value < LEVEL,
            ),
        )
        for of, p_value in zip(found, adjusted, strict=True)
    ]


def holm(p_values: list[float]) -> list[float]:
    """Adjust p-values for their number by the step-down method of Holm (1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = min(1.0, max(largest, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def _judge_slice(
    name: str, labels: "NDArray[np.int64]", base: Floats, head: Floats, bootstrap: Bootstrap
) -> SliceFinding:
    """Return PR-AUC of base and head, and the two-sided p-value of their difference.

    It is that of a normal distribution with the bootstrap's standard error, since the share of
    resamples beyond 0 would be too coarse for so many slices.
    """

    def measure(weights: Floats | None) -> tuple[Floats, Floats]:
        before, after = (count_flagged(labels, scores, weights).pr_auc for scores in (base, head))
        return before, after

    before, after = (float(of[0]) for of in measure(None))
    differences = stratified_bootstrap(
        labels, lambda weights: {"pr_auc": np.subtract(*measure(weights))}, bootstrap
    )["pr_auc"]
    error = float(np.std(differences, ddof=1))
    return SliceFinding(
        slice=name,
        sessions=len(labels),
        purchases=int(labels.sum()),
        base=before,
        head=after,
        difference=after - before,
        p_value=float(2 * norm.sf(abs(after - before) / error)) if error else 1.0,
        verdict="no different",
    )


def _verdict(metric: ReviewedMetric, difference: float, smallest: float, *, sure: bool) -> Verdict:
    if not sure or abs(difference) < smallest:
        return "no different"
    return "better" if _gain(metric, np.array(difference)) > 0 else "worse"


def _gain(metric: ReviewedMetric, differences: Floats) -> Floats:
    return -differences if metric in LOWER_IS_BETTER else differences
