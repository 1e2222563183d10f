"""Two states of the project compared: verdicts if they can be given, and what changed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from pydantic import ValidationError

from ecom.errors import ProjectError
from ecom.evaluation.metrics import METRICS
from ecom.params.threshold import Costs, Threshold
from ecom.project.files import OUT_OF_FOLD, PREDICTIONS, TEST, metrics_file
from ecom.project.states import State
from ecom.review.changes import Changes, changes_between
from ecom.review.crossings import Crossings, crossings
from ecom.review.verdicts import (
    Choice,
    Finding,
    Rules,
    Side,
    SliceFinding,
    Verdict,
    judge,
    judge_slices,
    overall,
)
from ecom.schema import FEATURES, TARGET

WORSE: Final = 1  # exit status
UNDECIDABLE: Final = 3  # exit status; 2 is that of a mistyped command


@dataclass(frozen=True)
class OwnFigures:
    """A metric as each side reports it itself, with its interval."""

    metric: str
    base: float
    base_interval: tuple[float, float]
    head: float
    head_interval: tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """The outcome of comparing two states.

    Attributes
    ----------
    base, head
        Names of the states.
    stale
        For either state, the stages whose results do not belong to the code and params beside them.
    incomparable
        Why the two sides cannot be paired; None if they can.
    left_out
        Metrics that the sides define differently, with the reason.
    data
        ``real`` or ``synthetic``, of head.
    decisive
        Metrics that decide the verdict on the whole.
    mean_scores
        Of base and head, to compare with the rate of purchases.
    thresholds
        Of base and head.
    changes
        Changes of params, code, packages, data and stages.
    sessions, purchases
        Number of test rows that both sides were judged on; 0 if they cannot be paired.
    identical
        Whether both sides give every session the same score and have the same threshold.
    verdict
        On the whole; None if the sides cannot be paired.
    findings, slices, crossings
        Empty if the sides cannot be paired. `slices` and `crossings` are also empty if a state does
        not hold its sessions.
    figures
        Figures of each side alone, if they cannot be paired.
    """

    base: str
    head: str
    stale: dict[str, list[str]]
    incomparable: str | None
    left_out: dict[str, str]
    data: str
    decisive: list[str]
    mean_scores: tuple[float, float]
    thresholds: tuple[float, float]
    changes: Changes
    sessions: int = 0
    purchases: int = 0
    identical: bool = False
    verdict: Verdict | None = None
    findings: list[Finding] = field(default_factory=list)
    figures: list[OwnFigures] = field(default_factory=list)
    slices: list[SliceFinding] = field(default_factory=list)
    crossings: Crossings | None = None

    @property
    def exit_status(self) -> int:
        """Exit status of a gate: 0 if head may be merged, 1 if it is worse, 3 if undecidable."""
        if self.verdict is None or self.stale:
            return UNDECIDABLE
        return WORSE if self.verdict == "worse" else 0

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON has it."""
        return asdict(self) | {"exit_status": self.exit_status}


@dataclass(frozen=True)
class StateResults:
    """What a state says of its best model on its test rows."""

    state: State

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """``Revenue`` and ``best_model`` by the row's number in the clean data."""
        return self._scores(PREDICTIONS, "best_model")

    @cached_property
    def sessions(self) -> pd.DataFrame | None:
        """Raw columns by the row's number; None if the state does not hold them."""
        if not self.state.holds(TEST):
            return None
        table = self.state.table(TEST).set_index("row").sort_index()
        return table[[name for name in FEATURES if name in table]]

    @cached_property
    def side(self) -> Side:
        """Scores of the test rows, and the threshold."""
        out_of_fold = self._scores(OUT_OF_FOLD, "score")
        params = self._threshold_params()
        return Side(
            self.predictions["best_model"].to_numpy(),
            float(self.state.metrics["threshold"]["threshold"]),
            Choice(out_of_fold, params) if params else None,
        )

    @property
    def costs(self) -> Costs:
        """Costs of an error."""
        costs = self.state.metrics["threshold"]["costs"]
        try:
            return Costs.model_validate(costs)
        except ValidationError:
            raise ProjectError(
                f"costs in {metrics_file('threshold')} of {self.state} are {costs!r}; expected a "
                "cost of false_positive and of false_negative"
            ) from None

    @property
    def bins(self) -> int | None:
        """Number of score bins for the calibration error; None if the state does not say."""
        evaluate = self.state.params.get("evaluate")
        bins = evaluate.get("bins") if isinstance(evaluate, Mapping) else None
        return bins if isinstance(bins, int) else None

    @property
    def data(self) -> str:
        """``real`` or ``synthetic``."""
        return self.state.metrics["evaluate"]["data"]

    def _scores(self, path: str, column: str) -> pd.DataFrame:
        table = self.state.table(path)
        wanted = ["row", TARGET, column]
        if missing := [name for name in wanted if name not in table]:
            raise ProjectError(
                f"{path} of {self.state} has no {', '.join(missing)}: a different version "
                "of the code wrote it"
            )
        return table[wanted].set_index("row").sort_index()

    def _threshold_params(self) -> Threshold | None:
        """Return how the threshold was chosen; None if other code than this defined it."""
        try:
            return Threshold.model_validate(self.state.params.get(Threshold.name))
        except ValidationError:
            return None


def compare_states(base: State, head: State, rules: Rules) -> Comparison:
    """Compare the best models of two states on their test rows, and the states themselves.

    Raises
    ------
    ProjectError
        A state has no results, or they are neither in the cache nor in a remote.
    """
    before, after = StateResults(base), StateResults(head)
    incomparable = _incomparable(before, after)
    left_out = _defined_differently(before, after)
    outcome = (
        {"figures": _own_figures(before, after, rules, left_out)}
        if incomparable
        else _judge_pair(before, after, rules)
    )
    return Comparison(
        base=str(base),
        head=str(head),
        stale={str(state): stages for state in (base, head) if (stages := state.stale())},
        incomparable=incomparable,
        left_out=left_out,
        data=after.data,
        decisive=list(rules.review.decisive),
        mean_scores=(float(before.side.scores.mean()), float(after.side.scores.mean())),
        thresholds=(before.side.threshold, after.side.threshold),
        changes=changes_between(base, head),
        **outcome,
    )


def _judge_pair(base: StateResults, head: StateResults, rules: Rules) -> dict[str, Any]:
    labels, sessions = head.predictions[TARGET], head.sessions
    sides = (base.side, head.side)
    findings = judge(
        labels,
        *sides,
        rules,
        costs=None if base.costs != head.costs else head.costs,
        bins=None if base.bins != head.bins else head.bins,
    )
    verdicts = {finding.metric: finding.verdict for finding in findings}
    return {
        "sessions": len(labels),
        "purchases": int(labels.sum()),
        "identical": bool(
            np.array_equal(base.side.scores, head.side.scores)
            and base.side.threshold == head.side.threshold
        ),
        "verdict": overall(verdicts, rules.review.decisive),
        "findings": findings,
        "slices": [] if sessions is None else judge_slices(sessions, labels, *sides, rules),
        "crossings": None if sessions is None else crossings(sessions, labels, *sides),
    }


def _incomparable(base: StateResults, head: StateResults) -> str | None:
    """Return why the two sides' predictions are not of the same sessions; None if they are."""
    before, after = base.predictions, head.predictions
    if base.data != head.data:
        return f"base has {base.data} sessions, head has {head.data} ones"
    if not before.index.equals(after.index):
        common = len(before.index.intersection(after.index))
        return (
            f"the test rows differ: {len(before):,} in base, {len(after):,} in head, {common:,} "
            "with the same number in both"
        )
    if different := int((before[TARGET] != after[TARGET]).sum()):
        return f"{different:,} of {len(after):,} test rows have another label in base than in head"
    if base.sessions is not None and head.sessions is not None:
        shared = [name for name in base.sessions if name in head.sessions]
        mine, other = base.sessions[shared], head.sessions[shared]
        differ = ((mine != other) & ~(mine.isna() & other.isna())).any(axis=1)
        if differ.any():
            return (
                f"{int(differ.sum()):,} of {len(after):,} test rows hold another session in base "
                "than in head"
            )
    return None


def _defined_differently(base: StateResults, head: StateResults) -> dict[str, str]:
    """Return the metrics that the sides define differently, with the reason."""
    reasons = {}
    if base.costs != head.costs:
        reasons["costs"] = "the costs of an error are " + " and ".join(
            f"{costs.false_positive:g} € and {costs.false_negative:g} € in {name}"
            for name, costs in (("base", base.costs), ("head", head.costs))
        )
    if base.bins != head.bins:
        reasons["bins"] = f"base has {base.bins or 'no'} score bins, head has {head.bins or 'none'}"
    return {
        name: reasons[need]
        for name, metric in METRICS.items()
        for need in metric.needs
        if need in reasons
    }


def _own_figures(
    base: StateResults, head: StateResults, rules: Rules, left_out: Mapping[str, str]
) -> list[OwnFigures]:
    """Return the figures that each side gives for itself, with its own intervals."""
    values: list[Any] = [results.state.metrics["evaluate"] for results in (base, head)]
    figures = [found["best_model"] for found in values]
    intervals = [found["intervals"]["best_model"] for found in values]
    return [
        OwnFigures(
            metric,
            figures[0][metric],
            tuple(intervals[0][metric]),
            figures[1][metric],
            tuple(intervals[1][metric]),
        )
        for metric in rules.review.smallest_difference
        if metric not in left_out and all(metric in known for known in (*figures, *intervals))
    ]
