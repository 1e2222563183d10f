"""Two states of the project compared: verdicts where they can be given, and what changed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from pydantic import ValidationError

from ecom.errors import ProjectError
from ecom.notation import COST
from ecom.params import Costs, ReviewedMetric, Threshold
from ecom.review.changes import Changes, changes_between
from ecom.review.crossings import Crossings, crossings
from ecom.review.verdicts import (
    METRICS,
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
from ecom.states import State

CANNOT_TELL: Final = 3  # exit status; 2 is that of a command that was typed wrongly
PREDICTIONS: Final = "data/predictions/test.parquet"
OUT_OF_FOLD: Final = "data/predictions/best_model_out_of_fold.parquet"
SESSIONS: Final = "data/features/test.parquet"


@dataclass(frozen=True)
class Figures:
    """A metric of one side alone, with its own interval."""

    metric: str
    base: float
    base_interval: tuple[float, float]
    head: float
    head_interval: tuple[float, float]


@dataclass(frozen=True)
class Comparison:
    """What came of comparing two states.

    Attributes
    ----------
    base, head
        Their names.
    stale
        Of either side, the stages whose results are not of the code and knobs beside them.
    incomparable
        Why the sides cannot be paired; None where they can.
    left_out
        Metrics that are defined differently on the sides, with the reason.
    data
        ``real`` or ``synthetic``, of head.
    sessions, purchases
        Of the test rows that both sides were judged on; 0 where they cannot be paired.
    identical
        Whether both sides give every session the same score, and have the same threshold.
    verdict
        Of the whole; None where the sides cannot be paired.
    findings, slices, crossings
        Empty where the sides cannot be paired; slices and crossings also where a side does not
        keep its sessions.
    figures
        Of either side alone, where they cannot be paired.
    mean_scores
        Of base and head, to hold against the rate of purchases.
    thresholds
        Of base and head.
    changes
        Of knobs, code, packages, data, stages.
    """

    base: str
    head: str
    stale: dict[str, list[str]]
    incomparable: str | None
    left_out: dict[str, str]
    data: str
    decisive: list[ReviewedMetric]
    mean_scores: tuple[float, float]
    thresholds: tuple[float, float]
    changes: Changes
    sessions: int = 0
    purchases: int = 0
    identical: bool = False
    verdict: Verdict | None = None
    findings: list[Finding] = field(default_factory=list)
    figures: list[Figures] = field(default_factory=list)
    slices: list[SliceFinding] = field(default_factory=list)
    crossings: Crossings | None = None

    @property
    def exit_status(self) -> int:
        """Of a gate: 0 where it opens, 1 where head is worse, 3 where none can tell."""
        if self.verdict is None or self.stale:
            return CANNOT_TELL
        return 1 if self.verdict == "worse" else 0

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON holds it."""
        return asdict(self) | {"exit_status": self.exit_status}


@dataclass(frozen=True)
class Results:
    """What a state says of the best model on its test rows."""

    state: State

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """``Revenue`` and ``best_model`` by the row's number in the clean data."""
        return self._predictions(PREDICTIONS, "best_model")

    @cached_property
    def sessions(self) -> pd.DataFrame | None:
        """Raw columns by the row's number, None where the state does not hold them."""
        if not self.state.holds(SESSIONS):
            return None
        table = self.state.table(SESSIONS).set_index("row").sort_index()
        return table[[name for name in FEATURES if name in table]]

    @cached_property
    def side(self) -> Side:
        """Scores of the test rows, and the threshold."""
        out_of_fold = self._predictions(OUT_OF_FOLD, "score")
        return Side(
            self.predictions["best_model"].to_numpy(),
            float(self.figure("threshold", "threshold")),
            Choice(out_of_fold, params) if (params := self._threshold()) else None,
        )

    @property
    def costs(self) -> Costs:
        """Of an error."""
        costs = self.figure("threshold", "costs")
        try:
            return Costs.model_validate(costs)
        except ValidationError:
            raise ProjectError(
                f"costs in metrics/threshold.json of {self.state} are {costs!r}"
            ) from None

    @property
    def bins(self) -> int | None:
        """Of scores, for the expected calibration error; None where the state knows of none."""
        evaluate = self.state.params.get("evaluate")
        bins = evaluate.get("bins") if isinstance(evaluate, Mapping) else None
        return bins if isinstance(bins, int) else None

    def _predictions(self, path: str, scores: str) -> pd.DataFrame:
        table = self.state.table(path)
        wanted = ["row", TARGET, scores]
        if missing := [name for name in wanted if name not in table]:
            raise ProjectError(f"{path} of {self.state} has no {', '.join(missing)}")
        return table[wanted].set_index("row").sort_index()

    def _threshold(self) -> Threshold | None:
        """Return how the threshold was chosen, None where its knobs are of other code than this."""
        try:
            return Threshold.model_validate(self.state.params.get(Threshold.name))
        except ValidationError:
            return None

    def figure(self, stage: str, name: str) -> Any:
        """Return a value among a stage's metrics.

        Raises
        ------
        ProjectError
            It is not there.
        """
        metrics = self.state.metrics(stage)
        if name not in metrics:
            raise ProjectError(
                f"metrics/{stage}.json of {self.state} has no {name!r}: it was written by other "
                "code than compare knows"
            )
        return metrics[name]


def compare_states(base: State, head: State, rules: Rules) -> Comparison:
    """Compare the best models of two states on their test rows, and the states themselves.

    Raises
    ------
    ProjectError
        A side has no results, or they are neither in the cache nor in a remote.
    """
    before, after = Results(base), Results(head)
    incomparable = _incomparable(before, after)
    left_out = _left_out(before, after)
    stale = {str(state): stages for state in (base, head) if (stages := state.stale())}
    paired = (
        {"figures": _own_figures(before, after, left_out)}
        if incomparable
        else _pair(before, after, left_out, rules)
    )
    return Comparison(
        base=str(base),
        head=str(head),
        stale=stale,
        incomparable=incomparable,
        left_out=left_out,
        data=after.figure("evaluate", "data"),
        decisive=list(rules.review.decisive),
        mean_scores=(float(before.side.scores.mean()), float(after.side.scores.mean())),
        thresholds=(before.side.threshold, after.side.threshold),
        changes=changes_between(base, head),
        **paired,
    )


def _pair(base: Results, head: Results, left_out: dict[str, str], rules: Rules) -> dict[str, Any]:
    labels, sessions = head.predictions[TARGET], head.sessions
    sides = (base.side, head.side)
    findings = judge(
        labels,
        *sides,
        rules,
        costs=None if COST in left_out else head.costs,
        bins=None if "expected_calibration_error" in left_out else head.bins,
    )
    return {
        "sessions": len(labels),
        "purchases": int(labels.sum()),
        "identical": bool(
            np.array_equal(base.side.scores, head.side.scores)
            and base.side.threshold == head.side.threshold
        ),
        "verdict": overall({of.metric: of.verdict for of in findings}, rules.review.decisive),
        "findings": findings,
        "slices": [] if sessions is None else judge_slices(sessions, labels, *sides, rules),
        "crossings": None if sessions is None else crossings(sessions, labels, *sides),
    }


def _incomparable(base: Results, head: Results) -> str | None:
    """Say why the two sides' predictions are not of the same sessions, None where they are."""
    before, after = base.predictions, head.predictions
    kinds = [str(results.figure("evaluate", "data")) for results in (base, head)]
    if kinds[0] != kinds[1]:
        return f"base is of {kinds[0]} sessions, head of {kinds[1]}"
    if not before.index.equals(after.index):
        common = len(before.index.intersection(after.index))
        return (
            f"the test rows differ: {len(before):,} in base, {len(after):,} in head, {common:,} "
            "of the same number in both"
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


def _left_out(base: Results, head: Results) -> dict[str, str]:
    """Return the metrics that the sides define differently, with the reason."""
    found = {}
    if base.costs != head.costs:
        found[COST] = "costs of an error are " + " and ".join(
            f"{of.false_positive:g} € and {of.false_negative:g} € in {name}"
            for name, of in (("base", base.costs), ("head", head.costs))
        )
    if base.bins != head.bins:
        found["expected_calibration_error"] = (
            f"{base.bins or 'no'} bins in base, {head.bins or 'none'} in head"
        )
    return found


def _own_figures(base: Results, head: Results, left_out: dict[str, str]) -> list[Figures]:
    """Return what each side says of itself, with its own interval."""
    values = [results.figure("evaluate", "best_model") for results in (base, head)]
    intervals = [results.figure("evaluate", "intervals")["best_model"] for results in (base, head)]
    return [
        Figures(
            metric,
            values[0][metric],
            tuple(intervals[0][metric]),
            values[1][metric],
            tuple(intervals[1][metric]),
        )
        for metric in METRICS
        if metric not in left_out and all(metric in of for of in (*values, *intervals))
    ]
