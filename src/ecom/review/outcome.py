"""Two states of the project compared: verdicts if they can be given, and what changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd
from pydantic import ValidationError

from ecom.errors import ProjectError
from ecom.evaluation.metrics import BREAK_EVEN_COST, COST, METRICS, perfect_calibration_error
from ecom.params.review import Decisive
from ecom.params.threshold import Costs
from ecom.project.files import CROSS_FIT, PREDICTIONS, TEST, TRAIN, metrics_file
from ecom.project.states import State
from ecom.review.changes import Changes, changes_between
from ecom.review.crossings import Crossings, crossings
from ecom.review.verdicts import (
    CANNOT_TELL,
    Confirmation,
    Finding,
    Rules,
    Side,
    SliceFinding,
    Verdict,
    confirm,
    judge,
    judge_slices,
    overall,
)
from ecom.schema import FEATURES, TARGET

WORSE: Final = 1  # exit status
UNDECIDABLE: Final = 3  # exit status; 2 is that of a mistyped command
SIDES: Final = ("base", "head")
MODEL: Final = "best_model"
ERROR: Final = "expected_calibration_error"


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
    thresholds, strategies
        Of base and head; a strategy with the value that it is given, if any.
    changes
        Changes of params, code, packages, data and stages.
    verdict
        On the whole; ``cannot tell`` if the sides cannot be paired.
    sessions, purchases
        Number of training rows that both sides scored; 0 if they cannot be paired.
    training_rows
        Number of training rows that base and head scored.
    mean_scores
        Of base and head, to compare with the rate of purchases.
    perfect_calibration_error
        What the calibration error would be if head's scores were the true probabilities; None if it
        is not compared.
    identical
        Whether both sides give every session the same score and have the same threshold.
    findings, slices, crossings
        Empty if the sides cannot be paired. `slices` and `crossings` are also empty if head does
        not hold its sessions.
    by_labels
        The findings under the labels of base and under those of head, if labels differ.
    figures
        Figures of each side alone, if they cannot be paired.
    confirmation
        The models that ship, on the test rows; empty if these differ.
    unconfirmed
        Why there is no confirmation; None if there is one.
    """

    base: str
    head: str
    stale: dict[str, list[str]]
    incomparable: str | None
    left_out: dict[str, str]
    data: str
    decisive: list[str]
    thresholds: tuple[float, float]
    strategies: tuple[str, str]
    changes: Changes
    verdict: Verdict = CANNOT_TELL
    sessions: int = 0
    purchases: int = 0
    training_rows: tuple[int, int] = (0, 0)
    mean_scores: tuple[float, float] = (0.0, 0.0)
    perfect_calibration_error: float | None = None
    identical: bool = False
    findings: list[Finding] = field(default_factory=list)
    by_labels: dict[str, list[Finding]] = field(default_factory=dict)
    figures: list[OwnFigures] = field(default_factory=list)
    slices: list[SliceFinding] = field(default_factory=list)
    crossings: Crossings | None = None
    confirmation: list[Confirmation] = field(default_factory=list)
    unconfirmed: str | None = None

    @property
    def exit_status(self) -> int:
        """Exit status of a gate: 0 if better or no worse, 1 if worse, 3 if that cannot be told."""
        return UNDECIDABLE if self.stale else status_of(self.verdict)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON has it."""
        return asdict(self) | {"exit_status": self.exit_status}


@dataclass(frozen=True)
class StateResults:
    """What a state says of its best model."""

    state: State

    @cached_property
    def cross_fitted(self) -> pd.DataFrame | None:
        """``row``, ``Revenue`` and a column of scores for each repeat, by the session's key.

        None if the state does not hold them: older code did not write them.
        """
        if not self.state.holds(CROSS_FIT):
            return None
        table = self._table(CROSS_FIT, ["session", "row", TARGET, f"{MODEL}_1"])
        scores = [name for name in table if str(name).startswith(f"{MODEL}_")]
        return table[["session", "row", TARGET, *scores]].set_index("session").sort_index()

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """``Revenue`` and ``best_model`` of the test rows, by the row's number."""
        wanted = ["row", TARGET, MODEL]
        return self._table(PREDICTIONS, wanted)[wanted].set_index("row").sort_index()

    @cached_property
    def test_side(self) -> Side:
        """Scores of the test rows, and the threshold."""
        return Side(self.predictions[MODEL].to_numpy()[None], self.threshold)

    def raw(self, path: str) -> pd.DataFrame | None:
        """Return raw columns by the row's number; None if the state does not hold them."""
        if not self.state.holds(path):
            return None
        table = self.state.table(path).set_index("row").sort_index()
        return table[[name for name in FEATURES if name in table]]

    @property
    def threshold(self) -> float:
        """Scores of at least this are flagged."""
        return float(self.state.metrics["threshold"]["threshold"])

    @property
    def strategy(self) -> str:
        """How the threshold was chosen, with the value that it was given."""
        section = self.state.params.get("threshold")
        section = section if isinstance(section, Mapping) else {}
        name = str(section.get("strategy", "unknown"))
        return f"{name} {section[name]}" if name in section else name

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

    def _table(self, path: str, wanted: list[str]) -> pd.DataFrame:
        table = self.state.table(path)
        if missing := [name for name in wanted if name not in table]:
            raise ProjectError(
                f"{path} of {self.state} has no {', '.join(missing)}: a different version "
                "of the code wrote it"
            )
        return table


@dataclass(frozen=True)
class Shared:
    """The training rows that both sides scored.

    Attributes
    ----------
    labels
        Of base and of head, by the session's key.
    sides
        Base and head, with scores in the order of the labels.
    rows
        Numbers of the sessions in head's clean data.
    """

    labels: tuple["pd.Series[int]", "pd.Series[int]"]
    sides: tuple[Side, Side]
    rows: pd.Index

    @classmethod
    def of_states(cls, base: StateResults, head: StateResults) -> "Shared | None":
        """Find them; None if a state holds no scores."""
        before, after = base.cross_fitted, head.cross_fitted
        if before is None or after is None:
            return None
        keys = before.index.intersection(after.index)
        tables = [table.loc[keys] for table in (before, after)]
        labels = [table[TARGET] for table in tables]
        scores = [table.drop(columns=["row", TARGET]).to_numpy().T for table in tables]
        repeats = min(map(len, scores))  # a repeat pairs with that of the same folds
        scores = [each[:repeats] for each in scores]
        return cls(
            (labels[0], labels[1]),
            (Side(scores[0], base.threshold), Side(scores[1], head.threshold)),
            pd.Index(tables[1]["row"]),
        )


def compare_states(base: State, head: State, rules: Rules) -> Comparison:
    """Compare the best models of two states on the sessions that both scored, and the states.

    Raises
    ------
    ProjectError
        A state has no results, or they are neither in the cache nor in a remote.
    """
    before, after = StateResults(base), StateResults(head)
    shared = Shared.of_states(before, after)
    incomparable = _incomparable(before, after, shared, rules)
    left_out = _defined_differently(before, after)
    also = _decisive_besides(before, after, shared, rules)
    outcome: dict[str, Any] = (
        {"figures": _own_figures(before, after, rules, left_out)}
        if incomparable or shared is None
        else _judge_pair(before, after, shared, rules, also)
    )
    unconfirmed = _unconfirmable(before, after)
    if outcome.get("identical") and not unconfirmed and _ship_otherwise(before, after):
        outcome |= {
            "identical": False,
            "verdict": CANNOT_TELL,
            "incomparable": "the models that ship score the test rows differently, those that are "
            "compared do not",
        }
    return Comparison(
        base=str(base),
        head=str(head),
        stale={str(state): stages for state in (base, head) if (stages := state.stale())},
        incomparable=incomparable or outcome.pop("incomparable", None),
        left_out=left_out,
        data=after.data,
        decisive=[*rules.review.decisive, *also],
        thresholds=(before.threshold, after.threshold),
        strategies=(before.strategy, after.strategy),
        changes=changes_between(base, head),
        confirmation=[] if unconfirmed else _confirm(before, after, rules),
        unconfirmed=unconfirmed,
        **outcome,
    )


def _judge_pair(
    base: StateResults,
    head: StateResults,
    shared: Shared,
    rules: Rules,
    also: Mapping[str, Decisive],
) -> dict[str, Any]:
    labels = shared.labels[1]

    def judged(labels: "pd.Series[int]") -> list[Finding]:
        findings = judge(
            labels,
            *shared.sides,
            rules,
            costs=head.costs,
            bins=_common(base, head)["bins"],
            also=also,
        )
        left_out = _defined_differently(base, head)
        return [finding for finding in findings if finding.metric not in left_out]

    outcome: dict[str, Any] = {
        "sessions": len(labels),
        "purchases": int(labels.sum()),
        "training_rows": tuple(
            0 if each.cross_fitted is None else len(each.cross_fitted) for each in (base, head)
        ),
        "perfect_calibration_error": None
        if base.bins != head.bins or head.bins is None or ERROR not in rules.review.metrics
        else perfect_calibration_error(shared.sides[1].scores[0], head.bins),
        "mean_scores": tuple(float(side.scores.mean()) for side in shared.sides),
    }
    if different := int((shared.labels[0] != labels).sum()):
        reason = f"{different:,} of {len(labels):,} shared sessions have another label in base"
        by_labels = {side: judged(own) for side, own in zip(SIDES, shared.labels, strict=True)}
        return {**outcome, "incomparable": f"{reason} than in head", "by_labels": by_labels}
    findings = judged(labels)
    raw = head.raw(TRAIN)
    held = raw is not None and shared.rows.isin(raw.index).all()  # not if stages ran in part
    sessions = raw.loc[shared.rows] if raw is not None and held else None
    numbered = labels.set_axis(shared.rows)
    return outcome | {
        "identical": bool(
            np.array_equal(shared.sides[0].scores, shared.sides[1].scores)
            and base.threshold == head.threshold
        ),
        "verdict": whole(findings, rules.review.decisive),
        "findings": findings,
        "slices": []
        if sessions is None
        else judge_slices(sessions, numbered, *shared.sides, rules),
        "crossings": None if sessions is None else crossings(sessions, numbered, *shared.sides),
    }


def status_of(verdict: Verdict) -> int:
    """Return the exit status that says a verdict."""
    if verdict == CANNOT_TELL:
        return UNDECIDABLE
    return WORSE if verdict == "worse" else 0


def whole(findings: Sequence[Finding], decisive: Iterable[str]) -> Verdict:
    """Return the verdict on the whole: a decisive metric that is left out cannot be told."""
    verdicts = {finding.metric: finding.verdict for finding in findings}
    missing: list[Verdict] = [CANNOT_TELL for name in decisive if name not in verdicts]
    return overall([*missing, *(verdict for verdict in verdicts.values() if verdict)])


def _confirm(base: StateResults, head: StateResults, rules: Rules) -> list[Confirmation]:
    labels = head.predictions[TARGET]
    return confirm(labels, base.test_side, head.test_side, rules, **_common(base, head))


def _common(base: StateResults, head: StateResults) -> dict[str, Any]:
    """Return what metrics need besides scores, as far as both sides say the same."""
    return {
        "costs": head.costs if base.costs == head.costs else None,
        "bins": head.bins if base.bins == head.bins else None,
    }


def _decisive_besides(
    base: StateResults, head: StateResults, shared: Shared | None, rules: Rules
) -> dict[str, Decisive]:
    """Let the cost at the threshold in use decide too, if thresholds are chosen differently.

    They are if the strategy is another one, or if the same scores give another threshold. If models
    differ, so do thresholds by the same strategy, by more than they matter.
    """
    sizes = rules.review.decisive.get(BREAK_EVEN_COST)
    if sizes is None or COST in rules.review.decisive or base.costs != head.costs:
        return {}
    otherwise = chosen_otherwise(
        (base.strategy, head.strategy),
        (base.threshold, head.threshold),
        same_scores=shared is not None
        and np.array_equal(shared.sides[0].scores, shared.sides[1].scores),
    )
    return {COST: sizes} if otherwise else {}


def chosen_otherwise(
    strategies: tuple[str, str], thresholds: tuple[float, float], *, same_scores: bool
) -> bool:
    """Tell whether thresholds were chosen differently, and do not just differ as models do."""
    return strategies[0] != strategies[1] or (same_scores and thresholds[0] != thresholds[1])


def _ship_otherwise(base: StateResults, head: StateResults) -> bool:
    """Tell whether the models that ship score the test rows differently."""
    return not np.array_equal(base.test_side.scores, head.test_side.scores)


def _incomparable(
    base: StateResults, head: StateResults, shared: Shared | None, rules: Rules
) -> str | None:
    """Return why the two sides' scores cannot be paired; None if they can."""
    if base.data != head.data:
        return f"base has {base.data} sessions, head has {head.data} ones"
    for name, results in zip(SIDES, (base, head), strict=True):
        if results.cross_fitted is None:
            return f"{name} has no {CROSS_FIT}, which older code did not write"
    if shared is not None:
        labels = shared.labels[1]
        purchases = int(labels.sum())
        if min(purchases, len(labels) - purchases) < rules.small_slice:
            return (
                f"base and head share {len(labels):,} sessions, {purchases:,} of them purchases; "
                f"evaluate.small_slice asks for {rules.small_slice} of each class"
            )
    return None


def _unconfirmable(base: StateResults, head: StateResults) -> str | None:
    """Return why the two sides' predictions are not of the same test rows; None if they are."""
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
    sessions = [results.raw(TEST) for results in (base, head)]
    if sessions[0] is not None and sessions[1] is not None:
        if not sessions[0].index.equals(sessions[1].index):
            return "the test rows of base or of head are not those that were scored"
        shared = [name for name in sessions[0] if name in sessions[1]]
        mine, other = sessions[0][shared], sessions[1][shared]
        differ = ((mine != other) & ~(mine.isna() & other.isna())).any(axis=1)
        if differ.any():
            return (
                f"{int(differ.sum()):,} of {len(after):,} test rows hold another session in base "
                "than in head"
            )
    return None


def _defined_differently(base: StateResults, head: StateResults) -> dict[str, str]:
    """Return the metrics that the sides define differently, with the reason."""
    reasons: dict[str, str] = {}
    if base.costs != head.costs:
        reasons["costs"] = "the costs of an error are " + " and ".join(
            f"{costs.false_positive:g} € and {costs.false_negative:g} € in {name}"
            for name, costs in (("base", base.costs), ("head", head.costs))
        )
    if base.bins != head.bins:
        reasons["bins"] = f"base has {base.bins or 'no'} score bins, head has {head.bins or 'none'}"
    # At the break-even, both sides are judged by head's costs: that needs only their scores.
    return {
        name: reasons[need]
        for name, metric in METRICS.items()
        for need in metric.needs
        if need in reasons and name != BREAK_EVEN_COST
    }


def _own_figures(
    base: StateResults, head: StateResults, rules: Rules, left_out: Mapping[str, str]
) -> list[OwnFigures]:
    """Return the figures that each side gives for itself, with its own intervals."""
    values: list[Any] = [results.state.metrics["evaluate"] for results in (base, head)]
    figures = [found[MODEL] for found in values]
    intervals = [found["intervals"][MODEL] for found in values]
    return [
        OwnFigures(
            metric,
            figures[0][metric],
            tuple(intervals[0][metric]),
            figures[1][metric],
            tuple(intervals[1][metric]),
        )
        for metric in rules.review.metrics
        if metric not in left_out and all(metric in known for known in (*figures, *intervals))
    ]
