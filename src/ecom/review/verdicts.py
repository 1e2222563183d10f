"""Whether a metric really changed: paired differences on the same sessions, judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from ecom.evaluation.counts import Floats, count_flagged
from ecom.evaluation.metrics import METRICS, Sample, measure
from ecom.evaluation.resampling import interval, stratified_bootstrap
from ecom.evaluation.slices import SLICES
from ecom.evaluation.thresholds import choose_threshold
from ecom.params.bootstrap import Bootstrap
from ecom.params.review import Review
from ecom.params.threshold import Costs, Threshold
from ecom.project.params_file import Params
from ecom.schema import TARGET

Verdict = Literal["better", "worse", "no different"]
NO_DIFFERENT: Final = "no different"

SIDES: Final = ("base", "head")
SLICES_LEVEL: Final = 0.05  # chance of any false alarm among all slices


@dataclass(frozen=True)
class Choice:
    """How a threshold was chosen, so that it can be chosen again on resamples.

    Attributes
    ----------
    out_of_fold
        ``Revenue`` and ``score`` of the training rows, by the row's number.
    params
        The strategy, with its settings.
    """

    out_of_fold: pd.DataFrame
    params: Threshold


@dataclass(frozen=True)
class Side:
    """One of the two models that are compared.

    Attributes
    ----------
    scores : array of shape (n,)
        Scores of the test sessions.
    threshold
        Scores of at least this are flagged.
    choice
        How the threshold was chosen. If None, the threshold is taken as given.
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
        The metric of each side.
    difference
        Head minus base.
    interval
        95 % interval of the difference.
    probability_better
        Share of the resamples in which head is better; ties count half.
    smallest_difference
        The difference from which it matters.
    verdict
        ``better`` or ``worse`` if the interval does not contain 0 and the difference matters; else
        ``no different``.
    """

    metric: str
    base: float
    head: float
    difference: float
    interval: tuple[float, float]
    probability_better: float
    smallest_difference: float
    verdict: Verdict


@dataclass(frozen=True)
class SliceFinding:
    """PR-AUC on both sides in one slice; the p-value is adjusted for the number of slices."""

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
        Which metrics are judged, which are decisive, and from which difference each matters.
    bootstrap
        Number of resamples, and seed.
    small_slice
        A slice with fewer purchases, or fewer other sessions, is not judged.
    """

    review: Review
    bootstrap: Bootstrap
    small_slice: int

    @classmethod
    def from_params(cls, params: Params) -> Self:
        """Take the rules from params.yaml."""
        return cls(params.review, params.bootstrap, params.evaluate.small_slice)


def judge(  # noqa: PLR0913  costs and bins may be unknown one by one
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
        The two models, scored on these sessions.
    rules
        Resamples, metrics, and from which difference each matters.
    costs
        Costs of an error. If None, metrics that need them are not judged.
    bins
        Number of score bins. If None, metrics that need it are not judged.

    Notes
    -----
    A verdict needs two things: a difference that sampling alone would rarely give, and one that
    matters. With the first alone, any two fits would be called different if there are enough test
    rows; with the second alone, noise would be called a change.

    If it is known how the thresholds were chosen, each resample includes the training rows, and the
    thresholds are chosen again on them. The reason: cost is so flat around its minimum that another
    seed of the folds moves threshold, precision and recall by more than the noise of the test rows.
    If the strategy does not give the same threshold here, other code chose it. It then stays fixed.
    """
    labels = np.asarray(labels)
    judged = rules.review.smallest_difference

    def measure_side(side: Side, weights: Floats, threshold: float | Floats) -> dict[str, Floats]:
        sample = Sample.of_scores(
            labels, side.scores, weights, bins=bins, threshold=threshold, costs=costs
        )
        return measure(sample, judged)

    training, choose_again = _thresholds(base, head)

    def measure_resample(weights: Floats) -> dict[str, Floats]:
        on_test, thresholds = weights[:, : len(labels)], choose_again(weights[:, len(labels) :])
        return {
            f"{name}/{metric}": values
            for name, side, threshold in zip(SIDES, (base, head), thresholds, strict=True)
            for metric, values in measure_side(side, on_test, threshold).items()
        }

    once = np.ones((1, len(labels)))
    before, after = (measure_side(side, once, side.threshold) for side in (base, head))
    # Test and training rows are drawn together; their classes are four strata.
    strata = np.concatenate([labels, 2 + training])
    resampled = stratified_bootstrap(strata, measure_resample, rules.bootstrap)
    return [
        _finding(
            metric,
            float(before[metric][0]),
            float(after[metric][0]),
            resampled[f"head/{metric}"] - resampled[f"base/{metric}"],
            judged[metric],
        )
        for metric in before
    ]


def _finding(
    metric: str, base: float, head: float, differences: Floats, smallest: float
) -> Finding:
    low, high = interval(differences)
    difference, gains = head - base, _gain(metric, differences)
    return Finding(
        metric=metric,
        base=base,
        head=head,
        difference=difference,
        interval=(low, high),
        probability_better=float(np.mean(gains > 0) + np.mean(gains == 0) / 2),
        smallest_difference=smallest,
        verdict=_verdict(
            metric,
            difference,
            smallest,
            certain=difference * low > 0 and difference * high > 0,
        ),
    )


def _thresholds(
    base: Side, head: Side
) -> tuple[NDArray[np.int64], Callable[[Floats], list[float | Floats]]]:
    """Return the labels of the training rows, and a function from their weights to thresholds."""
    choices = [side.choice if _is_reproduced(side) else None for side in (base, head)]
    known = [choice.out_of_fold for choice in choices if choice]
    if not known:
        return np.empty(0, dtype=np.int64), lambda _: [base.threshold, head.threshold]
    # If the training rows differ, a row that both sides have is drawn for both alike.
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


def _is_reproduced(side: Side) -> bool:
    """Tell whether the side's choice gives its threshold, on the rows as they are."""
    if side.choice is None:
        return False
    own = side.choice.out_of_fold
    chosen = choose_threshold(count_flagged(own[TARGET], own["score"]), side.choice.params)
    return bool(np.isclose(chosen[0], side.threshold, rtol=0, atol=1e-9))


def overall(verdicts: Mapping[str, Verdict], decisive: Sequence[str]) -> Verdict | None:
    """Return the verdict on the whole: worse if any decisive metric is worse.

    None if no decisive metric was judged.

    Examples
    --------
    >>> overall({"pr_auc": "better", "brier": "worse"}, ["pr_auc"])
    'better'
    >>> overall({"pr_auc": "better", "brier": "worse"}, ["pr_auc", "brier"])
    'worse'
    """
    found = {verdicts[metric] for metric in decisive if metric in verdicts}
    if not found:
        return None
    if "worse" in found:
        return "worse"
    return "better" if "better" in found else NO_DIFFERENT


def judge_slices(
    sessions: pd.DataFrame, labels: "pd.Series[int]", base: Side, head: Side, rules: Rules
) -> list[SliceFinding]:
    """Judge PR-AUC in each slice of the sessions that is not small.

    Parameters
    ----------
    sessions, labels
        Raw sessions and their target, in the order of the scores of `base` and `head`.
    base, head
        The two models, scored on these sessions.
    rules
        Resamples, from which difference PR-AUC matters, and which slices are small.

    Returns
    -------
    list of SliceFinding
        P-values are adjusted by the method of Holm (1979): if no slice changed, the chance that any
        of them is called better or worse is below 5 %.
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
    adjusted = holm([finding.p_value for finding in found])
    smallest = rules.review.smallest_difference.get("pr_auc", 0.0)
    return [
        replace(
            finding,
            p_value=p_value,
            verdict=_verdict(
                "pr_auc", finding.difference, smallest, certain=p_value < SLICES_LEVEL
            ),
        )
        for finding, p_value in zip(found, adjusted, strict=True)
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

    The p-value comes from a normal distribution with the bootstrap's standard error: the share of
    resamples beyond 0 would be too coarse for so many slices.
    """

    def pr_auc(weights: Floats | None) -> tuple[Floats, Floats]:
        before, after = (count_flagged(labels, scores, weights).pr_auc for scores in (base, head))
        return before, after

    before, after = (float(values[0]) for values in pr_auc(None))
    differences = stratified_bootstrap(
        labels, lambda weights: {"pr_auc": np.subtract(*pr_auc(weights))}, bootstrap
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
        verdict=NO_DIFFERENT,
    )


def _verdict(metric: str, difference: float, smallest: float, *, certain: bool) -> Verdict:
    if not certain or abs(difference) < smallest:
        return NO_DIFFERENT
    return "better" if _gain(metric, np.array(difference)) > 0 else "worse"


def _gain(metric: str, differences: Floats) -> Floats:
    return -differences if METRICS[metric].lower_is_better else differences
