"""Two packages judged on labelled sessions that neither was fitted to."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecom.evaluation.counts import Floats
from ecom.evaluation.metrics import BREAK_EVEN_COST, COST
from ecom.params.threshold import Costs
from ecom.review.outcome import chosen_otherwise, status_of, whole
from ecom.review.verdicts import (
    CANNOT_TELL,
    Finding,
    Rules,
    Side,
    SliceFinding,
    Verdict,
    judge,
    judge_slices,
)
from ecom.schema import COLUMNS, FEATURES
from ecom.serving.bulk.labelled import read_rows
from ecom.serving.manifest import Manifest, packaged_columns
from ecom.serving.package import Package
from ecom.serving.profile import PURCHASE, UNKNOWN


@dataclass(frozen=True)
class Judgement:
    """Whether a challenger is better than a champion.

    Attributes
    ----------
    base, head
        Names of champion and challenger.
    place
        Where the sessions are.
    sessions, purchases
        That were judged.
    without_outcome, not_allowed, trained_on
        Sessions that were left out: their outcome is not known; a value is not allowed; a model was
        fitted to such a session.
    thresholds, strategies
        Of champion and challenger.
    decisive
        Metrics that decide the verdict on the whole.
    left_out
        Metrics that the packages define differently, with the reason.
    verdict
        On the whole.
    incomparable
        Why nothing can be told; None if it can.
    findings, slices
        Empty if nothing can be told.
    """

    base: str
    head: str
    place: str
    sessions: int
    purchases: int
    without_outcome: int
    not_allowed: int
    trained_on: int
    thresholds: tuple[float, float]
    strategies: tuple[str, str]
    decisive: list[str]
    left_out: dict[str, str]
    verdict: Verdict = CANNOT_TELL
    incomparable: str | None = None
    findings: list[Finding] = field(default_factory=list)
    slices: list[SliceFinding] = field(default_factory=list)

    @property
    def exit_status(self) -> int:
        """0 if better or no worse, 1 if worse, 3 if that cannot be told."""
        return status_of(self.verdict)

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON has it."""
        return asdict(self) | {"exit_status": self.exit_status}


class Contender(NamedTuple):
    """A package, and what people call it."""

    name: str
    package: Package


class Scored(NamedTuple):
    """Sessions of a file as a package sees them, each of shape (n,)."""

    scores: Floats
    good: NDArray[np.bool_]
    outcomes: NDArray[np.int64]
    trained_on: NDArray[np.bool_]
    columns: Mapping[str, NDArray[Any]]


def judge_packages(
    champion: Contender, challenger: Contender, sessions: str, rules: Rules, bins: int
) -> Judgement:
    """Judge a challenger on labelled sessions, by the rules of `compare`.

    The noise is that of the sessions alone: what is judged are these two models, and not what other
    fits would give.

    Parameters
    ----------
    champion, challenger
        The packages, and what people call them.
    sessions
        Address of a file or folder with all columns of the schema: sessions are known again by
        all that they hold.
    rules
        Metrics, sizes and the smallest number of sessions of each outcome.
    bins
        Number of score bins, for the calibration error.

    Raises
    ------
    DataError
        The sessions cannot be read.
    PackageError
        A package does not say which sessions it was fitted to.
    """
    before, after = (_scored(each.package, sessions) for each in (champion, challenger))
    known = after.outcomes != UNKNOWN
    good = before.good & after.good
    seen = before.trained_on | after.trained_on
    kept = known & good & ~seen
    labels = (after.outcomes[kept] == PURCHASE).astype(np.int64)
    manifests = champion.package.manifest, challenger.package.manifest
    sides = (
        Side(before.scores[kept][None], manifests[0].threshold),
        Side(after.scores[kept][None], manifests[1].threshold),
    )
    costs = Costs.model_validate(manifests[1].costs.model_dump())
    left_out = {}
    if manifests[0].costs != manifests[1].costs:
        left_out[COST] = "the costs of an error are not the same in both packages"
    sizes = rules.review.decisive.get(BREAK_EVEN_COST)
    otherwise = chosen_otherwise(
        (manifests[0].strategy, manifests[1].strategy),
        (manifests[0].threshold, manifests[1].threshold),
        same_scores=np.array_equal(sides[0].scores, sides[1].scores),
    )
    decides = otherwise and not left_out and COST not in rules.review.decisive
    also = {COST: sizes} if decides and sizes else {}
    judgement = Judgement(
        base=champion.name,
        head=challenger.name,
        place=sessions,
        sessions=len(labels),
        purchases=int(labels.sum()),
        without_outcome=int((~known).sum()),
        not_allowed=int((known & ~good).sum()),
        trained_on=int((known & good & seen).sum()),
        thresholds=(manifests[0].threshold, manifests[1].threshold),
        strategies=(manifests[0].strategy, manifests[1].strategy),
        decisive=[*rules.review.decisive, *also],
        left_out=left_out,
    )
    if reason := _incomparable(judgement, manifests, rules):
        return replace(judgement, incomparable=reason)
    findings = [
        finding
        for finding in judge(labels, *sides, rules, costs=costs, bins=bins, also=also)
        if finding.metric not in left_out
    ]
    return replace(
        judgement,
        verdict=whole(findings, rules.review.decisive),
        findings=findings,
        slices=judge_slices(_table(after.columns, kept), pd.Series(labels), *sides, rules),
    )


def _incomparable(
    judgement: Judgement, manifests: tuple[Manifest, Manifest], rules: Rules
) -> str | None:
    """Return why nothing can be told; None if something can."""
    kinds = [manifest.data for manifest in manifests]
    if kinds[0] != kinds[1]:
        return f"champion was fitted to {kinds[0]} sessions, challenger to {kinds[1]} ones"
    if not judgement.sessions and judgement.without_outcome:
        return "no outcome is known; expected the column Revenue, with TRUE or FALSE"
    if min(judgement.purchases, judgement.sessions - judgement.purchases) < rules.small_slice:
        return (
            f"{judgement.sessions:,} sessions are left, {judgement.purchases:,} of them purchases; "
            f"evaluate.small_slice asks for {rules.small_slice} of each class"
        )
    return None


def _scored(package: Package, sessions: str) -> Scored:
    _ = package.trained_on  # which older packages do not have
    parts: list[Scored] = []
    for rows in read_rows(sessions, package, columns=packaged_columns("end_of_session")):
        scores = np.full(len(rows.good), np.nan)
        scores[rows.good] = rows.scores
        seen = np.zeros(len(rows.good), np.bool_)
        seen[rows.good] = rows.fitted_to
        parts.append(Scored(scores, rows.good, rows.outcomes, seen, rows.values))
    return Scored(
        scores=np.concatenate([part.scores for part in parts]),
        good=np.concatenate([part.good for part in parts]),
        outcomes=np.concatenate([part.outcomes for part in parts]),
        trained_on=np.concatenate([part.trained_on for part in parts]),
        columns={name: np.concatenate([part.columns[name] for part in parts]) for name in FEATURES},
    )


def _table(columns: Mapping[str, NDArray[Any]], kept: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the sessions that were judged, typed as those that slices are made of."""
    return pd.DataFrame(
        {
            column.name: columns[column.name][kept].astype(_TYPES.get(column.type, object))
            for column in COLUMNS
            if column.name in FEATURES
        }
    )


_TYPES: Final = {"integer": np.int64, "boolean": np.int64, "number": np.float64}
