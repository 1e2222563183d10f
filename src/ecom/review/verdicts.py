"""Whether a change made the model better or worse: paired differences of scores, judged."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ecom.evaluation.counts import Floats, count_flagged
from ecom.evaluation.metrics import METRICS, Sample, has_interval, measure
from ecom.evaluation.multiple_tests import FALSE_ALARMS, holm
from ecom.evaluation.resampling import QUANTILES, bootstrapped, interval
from ecom.evaluation.slices import SLICES
from ecom.params.bootstrap import Bootstrap
from ecom.params.review import Decisive, Review
from ecom.params.threshold import Costs
from ecom.project.params_file import Params

Verdict = Literal["better", "worse", "no worse", "cannot tell"]
NO_WORSE: Final = "no worse"
CANNOT_TELL: Final = "cannot tell"

DRAWS: Final = 400  # resamples behind a standard error
SLICE_DRAWS: Final = 200

# From scores of shape (n,), a threshold, and weights of shape (b, n), to metrics of shape (b,).
Measurement = Callable[[Floats, float, Floats], Mapping[str, Floats]]


@dataclass(frozen=True)
class Side:
    """One of the two models that are compared.

    Attributes
    ----------
    scores : array of shape (repeats, n)
        Scores of the same n sessions, in each repeat by another fit that did not see the session.
    threshold
        Scores of at least this are flagged.
    """

    scores: Floats
    threshold: float


@dataclass(frozen=True)
class Finding:
    """A metric on both sides.

    Attributes
    ----------
    base, head
        The metric of each side, the mean over repeats.
    difference
        Head minus base.
    interval
        95 % interval of the difference.
    probability_better
        Probability that head is better, given what was seen.
    p_value
        Of no difference, adjusted for the number of decisive metrics; None if it decides nothing.
    verdict
        ``better`` or ``worse`` if the p-value is below 5 % and the difference matters; ``no worse``
        if all of the interval is better than the margin; else ``cannot tell``. None if the metric
        decides nothing.
    """

    metric: str
    base: float
    head: float
    difference: float
    interval: tuple[float, float]
    probability_better: float
    p_value: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Confirmation:
    """A metric on the test rows, by the models that ship.

    `interval` is of the difference; None if the metric has none.
    """

    metric: str
    base: float
    head: float
    difference: float
    interval: tuple[float, float] | None


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
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Rules:
    """How models are judged.

    Attributes
    ----------
    review
        Which metrics are compared, which of them decide, and from which difference each matters.
    bootstrap
        Number of resamples of the test rows, and seed of all resamples.
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


class Paired(NamedTuple):
    """A paired difference: its estimate, standard error and degrees of freedom."""

    base: float
    head: float
    error: float
    freedom: float

    @property
    def difference(self) -> float:
        """Head minus base."""
        return self.head - self.base

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference."""
        half = self.error * float(stats.t.ppf(QUANTILES[1], self.freedom)) if self.error else 0.0
        return self.difference - half, self.difference + half

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no difference."""
        return 2 * min(self.probability_above, 1 - self.probability_above)

    @property
    def probability_above(self) -> float:
        """Probability that the true difference is above 0, by the same t distribution."""
        if not self.error:
            return 0.5 + 0.5 * float(np.sign(self.difference))
        return float(stats.t.cdf(self.difference / self.error, self.freedom))


def pair(
    labels: NDArray[np.int64],
    base: Side,
    head: Side,
    measured: Measurement,
    bootstrap: Bootstrap,
) -> dict[str, Paired]:
    """Estimate differences of metrics, with the noise of sessions and of fits.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    base, head
        The two models, scored on these sessions. If one has more repeats, they are left out. One
        repeat means that two fitted models are judged as they are.
    measured
        What is measured.
    bootstrap
        Number of resamples, and seed.

    Notes
    -----
    Two things vary. Other sessions would give another difference: its variance is that of the mean
    over repeats, under the bootstrap. Fits to other sessions would give another difference too.
    Repeats share their training sessions, so no estimate from them is exact; the variance between
    repeats is added whole, not divided by their number. That is a rule, which docs/verdicts.md
    checks by the false alarms among models that were fitted to disjoint halves of the sessions. The
    degrees of freedom are those of Satterthwaite (1946).
    """
    repeats = min(len(base.scores), len(head.scores))

    def by_repeat(side: Side, weights: Floats) -> dict[str, Floats]:
        """Return metrics of shape (repeats, b)."""
        found = [measured(scores, side.threshold, weights) for scores in side.scores[:repeats]]
        return {name: np.stack([each[name] for each in found]) for name in found[0]}

    def differences(weights: Floats) -> dict[str, Floats]:
        before, after = by_repeat(base, weights), by_repeat(head, weights)
        return {name: np.mean(after[name] - before[name], axis=0) for name in after}

    resampled = bootstrapped(labels, differences, bootstrap)
    before, after = (by_repeat(side, np.ones((1, len(labels)))) for side in (base, head))
    paired = {}
    for name, values in resampled.items():
        fit_variance = float(np.var(after[name] - before[name], ddof=1)) if repeats > 1 else 0.0
        variance = float(np.var(values, ddof=1)) + fit_variance
        paired[name] = Paired(
            base=float(before[name].mean()),
            head=float(after[name].mean()),
            error=float(np.sqrt(variance)),
            freedom=(repeats - 1) * variance**2 / fit_variance**2 if fit_variance else np.inf,
        )
    return paired


def judge(  # noqa: PLR0913  costs and bins may be unknown one by one
    labels: ArrayLike,
    base: Side,
    head: Side,
    rules: Rules,
    *,
    costs: Costs | None,
    bins: int | None,
    also: Mapping[str, Decisive] | None = None,
) -> list[Finding]:
    """Judge head against base on cross-fitted scores.

    Parameters
    ----------
    labels : array of shape (n,)
        1 for a purchase, 0 for none.
    base, head
        The two models, scored on these sessions.
    rules
        Metrics, and from which difference each matters.
    costs
        Costs of an error. If None, metrics that need them are left out.
    bins
        Number of score bins. If None, metrics that need it are left out.
    also
        Further metrics that decide.

    Returns
    -------
    list of Finding
        The decisive metrics first. Their p-values are adjusted by the method of Holm (1979): if
        nothing changed, the chance that any of them is called better or worse is about 5 % at most.

    Notes
    -----
    Better and worse need two things: a difference that noise would rarely give, and one that
    matters. With the first alone, any two models would be called different if there are enough
    sessions; with the second alone, noise would be called a change. No worse needs evidence too:
    a difference as bad as the margin must be ruled out.
    """
    decisive = {**rules.review.decisive, **(also or {})}
    names = dict.fromkeys([*decisive, *rules.review.shown])
    rows = np.asarray(labels, dtype=np.int64)

    def measured(scores: Floats, threshold: float, weights: Floats) -> Mapping[str, Floats]:
        sample = Sample.of_scores(
            rows, scores, weights, bins=bins, threshold=threshold, costs=costs
        )
        return measure(sample, names)

    bootstrap = Bootstrap(resamples=DRAWS, seed=rules.bootstrap.seed)
    paired = pair(rows, base, head, measured, bootstrap)
    deciding = [name for name in paired if name in decisive]
    adjusted = dict(zip(deciding, holm([paired[name].p_value for name in deciding]), strict=True))
    findings = []
    for name, found in paired.items():
        above = found.probability_above
        finding = Finding(
            metric=name,
            base=found.base,
            head=found.head,
            difference=found.difference,
            interval=found.interval,
            probability_better=1 - above if METRICS[name].lower_is_better else above,
        )
        if name in adjusted:
            verdict = _verdict(finding, adjusted[name], decisive[name])
            finding = replace(finding, p_value=adjusted[name], verdict=verdict)
        findings.append(finding)
    return findings


def confirm(  # noqa: PLR0913  costs and bins may be unknown one by one
    labels: ArrayLike,
    base: Side,
    head: Side,
    rules: Rules,
    *,
    costs: Costs | None,
    bins: int | None,
) -> list[Confirmation]:
    """Compare the models that ship on the test rows, beside the verdict.

    Parameters
    ----------
    labels, base, head, rules, costs, bins
        As for `judge`, of the test rows; there is one repeat.

    Returns
    -------
    list of Confirmation
        With 95 % intervals by the bootstrap, which hold models and thresholds fixed.
    """
    rows = np.asarray(labels, dtype=np.int64)

    def measured(side: Side, weights: Floats | None = None) -> dict[str, Floats]:
        sample = Sample.of_scores(
            rows, side.scores[0], weights, bins=bins, threshold=side.threshold, costs=costs
        )
        return measure(sample, rules.review.metrics)

    def differences(weights: Floats) -> dict[str, Floats]:
        before, after = measured(base, weights), measured(head, weights)
        return {name: after[name] - before[name] for name in after}

    resampled = bootstrapped(rows, differences, rules.bootstrap)
    before, after = measured(base), measured(head)
    return [
        Confirmation(
            metric=name,
            base=before[name].item(),
            head=after[name].item(),
            difference=after[name].item() - before[name].item(),
            interval=_bounds(resampled[name]) if has_interval(name) else None,
        )
        for name in after
    ]


def _bounds(values: Floats) -> tuple[float, float]:
    low, high = interval(values)
    return low, high


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict on the whole: no gain makes up for a loss, or for what cannot be told.

    Examples
    --------
    >>> overall(["better", "no worse"])
    'better'
    >>> overall(["better", "cannot tell"])
    'cannot tell'
    >>> overall(["better", "cannot tell", "worse"])
    'worse'
    >>> overall([])
    'cannot tell'
    """
    found = set(verdicts)
    for verdict in ("worse", CANNOT_TELL, "better", NO_WORSE):
        if verdict in found:
            return verdict
    return CANNOT_TELL


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
        From which difference PR-AUC matters, which slices are small, and the seed.

    Returns
    -------
    list of SliceFinding
        P-values are adjusted by the method of Holm (1979): if no slice changed, the chance that any
        of them is called better or worse is below 5 %.
    """
    sizes = rules.review.decisive.get("pr_auc")
    smallest = sizes.smallest_difference if sizes else 0.0
    bootstrap = Bootstrap(resamples=SLICE_DRAWS, seed=rules.bootstrap.seed)
    found: list[SliceFinding] = []
    for name, values_of in SLICES.items():
        values = values_of(sessions)
        for value in values.unique():
            chosen = (values == value).to_numpy()
            rows = labels[chosen].to_numpy(dtype=np.int64)
            if min(np.bincount(rows, minlength=2)) >= rules.small_slice:
                paired = _pair_slice(rows, base, head, chosen, bootstrap)
                found.append(
                    SliceFinding(
                        slice=f"{name}: {value}",
                        sessions=len(rows),
                        purchases=int(rows.sum()),
                        base=paired.base,
                        head=paired.head,
                        difference=paired.difference,
                        p_value=paired.p_value,
                    )
                )
    adjusted = holm([finding.p_value for finding in found])
    return [
        replace(
            finding,
            p_value=p_value,
            verdict=_changed("pr_auc", finding.difference, p_value, smallest),
        )
        for finding, p_value in zip(found, adjusted, strict=True)
    ]


def _pair_slice(
    labels: NDArray[np.int64],
    base: Side,
    head: Side,
    chosen: NDArray[np.bool_],
    bootstrap: Bootstrap,
) -> Paired:
    """Compare PR-AUC in a slice."""

    def measured(scores: Floats, _: float, weights: Floats) -> Mapping[str, Floats]:
        return {"pr_auc": count_flagged(labels, scores, weights).pr_auc}

    before, after = (replace(side, scores=side.scores[:, chosen]) for side in (base, head))
    return pair(labels, before, after, measured, bootstrap)["pr_auc"]


def _verdict(finding: Finding, p_value: float, sizes: Decisive) -> Verdict:
    changed = _changed(finding.metric, finding.difference, p_value, sizes.smallest_difference)
    if changed:
        return changed
    worst = min(_gain(finding.metric, bound) for bound in finding.interval)
    return NO_WORSE if worst > -sizes.margin else CANNOT_TELL


def _changed(
    metric: str, difference: float, p_value: float, smallest: float
) -> Literal["better", "worse"] | None:
    if p_value >= FALSE_ALARMS or abs(difference) < smallest:
        return None
    return "better" if _gain(metric, difference) > 0 else "worse"


def _gain(metric: str, difference: float) -> float:
    return -difference if METRICS[metric].lower_is_better else difference
