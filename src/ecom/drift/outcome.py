"""New sessions against reference sessions: what moved, how good the model is, and the verdict."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from ecom.drift.classifier import about_all_columns
from ecom.drift.counting import Counted, Sampler, count
from ecom.drift.quality import Judge, Quality, calibrate, expected, realised
from ecom.drift.shifts import (
    FEWEST,
    Question,
    Shift,
    about_column,
    about_purchases,
    about_purchases_given_score,
    answer,
)
from ecom.errors import DataError
from ecom.params.threshold import Costs
from ecom.schema import CALENDAR
from ecom.serving.bulk.labelled import Rows, read_rows, rows_of
from ecom.serving.bulk.reading import Block
from ecom.serving.manifest import MANIFEST
from ecom.serving.package import Package
from ecom.serving.profile import NO_PURCHASE, NOT_ALLOWED, PURCHASE, SCORE, Profile

Verdict = Literal["drift", "no drift seen", "cannot tell"]
DRIFT: Final = "drift"
NO_DRIFT: Final = "no drift seen"
CANNOT_TELL: Final = "cannot tell"
NEW: Final = "new, as expected"
EXPECTED: Final = "new with known outcome, as expected"
REALISED: Final = "new with known outcome, as realised"
STATUSES: Final[dict[Verdict, int]] = {NO_DRIFT: 0, DRIFT: 1, CANNOT_TELL: 3}


@dataclass(frozen=True)
class Settings:
    """How drift is told.

    Attributes
    ----------
    group
        Column that says which sessions belong together, such as their day.
    smallest
        The smallest difference of a share of sessions that matters.
    seed
        Of everything that is drawn.
    """

    group: str | None = None
    smallest: float = 0.02
    seed: int = 42


class Side(NamedTuple):
    """Reference or new sessions: their counts, and some of them; None if only counts are kept."""

    counted: Counted
    sampler: Sampler | None


@dataclass(frozen=True)
class Drift:
    """What was found.

    Attributes
    ----------
    reference, new
        Names of both sides.
    package
        Version of the package that scored them.
    sessions
        Of both sides.
    groups
        Blocks of sessions on both sides; None if sessions are taken one by one.
    outcomes
        Sessions of both sides whose outcome is known.
    smallest
        The smallest difference that matters.
    shifts
        What was judged.
    calendar
        Columns that say when sessions were: told, and not judged.
    quality
        By what they are of: the reference, as realised; the new sessions, as expected; those of
        them whose outcome is known, as expected and as realised. What is not known is left out.
    calibrated
        Whether scores were calibrated on outcomes of the reference.
    wrong
        By column, how many values of the new sessions are not allowed, with an example.
    broken
        Lines of the new sessions that are no rows.
    profiles
        Counts of both sides.
    """

    reference: str
    new: str
    package: str
    sessions: tuple[int, int]
    groups: tuple[int, int] | None
    outcomes: tuple[int, int]
    smallest: float
    shifts: list[Shift]
    calendar: list[Shift]
    quality: dict[str, Quality]
    calibrated: bool
    wrong: dict[str, tuple[int, str]]
    broken: int
    profiles: tuple[Profile, Profile]

    @property
    def alarms(self) -> list[Shift]:
        """What moved for certain, by as much as matters; the largest first."""
        alarms = [shift for shift in self.shifts if shift.alarms]
        return sorted(alarms, key=lambda shift: -abs(shift.difference))

    @property
    def verdict(self) -> Verdict:
        """Whether there is drift."""
        if self.alarms:
            return DRIFT
        return CANNOT_TELL if any(shift.undecidable for shift in self.shifts) else NO_DRIFT

    @property
    def exit_status(self) -> int:
        """0 if no drift was seen, 1 if there is drift, 3 if that cannot be told."""
        return STATUSES[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """Return what was found, without the counts."""
        content = {
            name: value
            for name, value in vars(self).items()
            if name not in ("shifts", "calendar", "quality", "profiles")
        }
        return {
            **content,
            "verdict": self.verdict,
            "shifts": [
                {**asdict(shift), "difference": shift.difference, "alarms": shift.alarms}
                for shift in self.shifts
            ],
            "calendar": [asdict(shift) for shift in self.calendar],
            "quality": {
                name: {metric: asdict(estimate) for metric, estimate in quality.items()}
                for name, quality in self.quality.items()
            },
        }


def find_drift(reference: str, new: str, package: Package, settings: Settings) -> Drift:
    """Compare new sessions with reference sessions.

    Parameters
    ----------
    reference
        Address of a file or folder of sessions, or folder of a package, whose profile counts.
    new
        Address of a file or folder of sessions.
    package
        What scores them, and says which columns there are.
    settings
        How drift is told.

    Raises
    ------
    DataError
        Sessions cannot be read.
    PackageError
        The package has no profile.
    """
    rows = read_rows(new, package, settings.group)
    return _compared(reference, (new, rows), package, settings)


def find_drift_in_store(
    reference: str, address: str, days: float | None, package: Package, settings: Settings
) -> Drift:
    """Compare sessions that a service has kept with reference sessions.

    Parameters
    ----------
    reference, package, settings
        As of `find_drift`. The package scores the sessions again, whatever answered then; the
        column ``day`` may be the block.
    address, days
        As of `ecom.serving.store.stored_sessions`.

    Raises
    ------
    DataError
        The reference cannot be read.
    ServiceError
        The store cannot be read.
    """
    from ecom.serving.store import stored_sessions

    rows = (
        rows_of(
            Block(table, np.arange(len(table))),
            package,
            settings.group,
            package.manifest.columns,
            labelled=True,
        )
        for table in stored_sessions(address, _columns(package), days)
    )
    return _compared(reference, ("the store", rows), package, settings)


def _compared(
    reference: str, new: tuple[str, Iterable[Rows]], package: Package, settings: Settings
) -> Drift:
    before = _reference(reference, package, settings)
    sampler = Sampler(package.manifest.columns, settings.seed + 1)
    bins = {name: before.counted.profile[name].bins for name in _columns(package)}
    rows = _drawing(sampler, new[1])
    after = Side(count(rows, bins, package.manifest.threshold), sampler)
    return judge_drift((reference, new[0]), before, after, package, settings)


def judge_drift(
    names: tuple[str, str], before: Side, after: Side, package: Package, settings: Settings
) -> Drift:
    """Judge what was counted."""
    profiles = before.counted.profile, after.counted.profile
    blocked = settings.group is not None
    for name, profile in zip(names, profiles, strict=True):
        if profile.sessions < FEWEST:
            raise DataError(
                f"{name} has {profile.sessions:,} sessions; expected at least {FEWEST}, to tell "
                "drift from noise"
            )
    shared = set(before.counted.groups) & set(after.counted.groups)
    if shared:
        raise DataError(
            f"{settings.group} {min(shared)!r} is on both sides: expected blocks that are either "
            "of the reference or new"
        )
    old, now = profiles
    manifest = package.manifest
    judge = Judge(
        old[SCORE].bins, manifest.threshold, Costs.model_validate(manifest.costs.model_dump())
    )
    questions: list[Question | None] = [
        about_column(name, old[name], now[name], blocked=blocked)
        for name in (*_columns(package), SCORE, NOT_ALLOWED)
        if name not in CALENDAR and min(int(each[name].counts.sum()) for each in profiles)
    ]
    questions += [
        about_purchases(old[NOT_ALLOWED], now[NOT_ALLOWED], blocked=blocked),
        about_purchases_given_score(old[SCORE], now[SCORE], manifest.threshold, blocked=blocked),
    ]
    if before.sampler is not None and after.sampler is not None:
        questions.append(
            about_all_columns(
                manifest.columns, before.sampler, after.sampler, settings.seed, blocked=blocked
            )
        )
    calendar = [
        about_column(name, old[name], now[name], blocked=blocked)
        for name in _columns(package)
        if name in CALENDAR and min(int(each[name].counts.sum()) for each in profiles)
    ]
    calibration = calibrate(old[SCORE])
    known = now[SCORE].by_outcome[[NO_PURCHASE, PURCHASE]].sum(axis=0)
    quality = {
        "reference, as realised": realised(old[SCORE], judge, settings.seed),
        NEW: expected(now[SCORE].by_outcome.sum(axis=0), calibration, judge, settings.seed),
        EXPECTED: expected(known, calibration, judge, settings.seed),
        REALISED: realised(now[SCORE], judge, settings.seed),
    }
    return Drift(
        reference=names[0],
        new=names[1],
        package=package.version,
        sessions=(old.sessions, now.sessions),
        groups=(len(before.counted.groups), len(after.counted.groups)) if blocked else None,
        outcomes=(_outcomes(old), _outcomes(now)),
        smallest=settings.smallest,
        shifts=answer(
            [question for question in questions if question], settings.smallest, settings.seed
        ),
        calendar=answer(calendar, settings.smallest, settings.seed) if calendar else [],
        quality={name: found for name, found in quality.items() if found},
        calibrated=calibration is not None,
        wrong={
            name: (times, f"{fault.value}; expected {fault.rule}")
            for name, (times, fault) in sorted(after.counted.wrong.items())
        },
        broken=after.counted.broken,
        profiles=profiles,
    )


def _reference(address: str, package: Package, settings: Settings) -> Side:
    if (Path(address) / MANIFEST).is_file():
        if settings.group is not None:
            raise DataError(
                f"{address} is a package, whose profile has no blocks: --block needs a file of "
                "sessions as the reference"
            )
        return Side(Counted(package.profile), None)
    sampler = Sampler(package.manifest.columns, settings.seed)
    for rows in read_rows(address, package, settings.group):
        sampler.add(rows)
    counted = count(
        read_rows(address, package, settings.group), sampler.bins(), package.manifest.threshold
    )
    return Side(counted, sampler)


def _drawing(sampler: Sampler, given: Iterable[Rows]) -> Iterable[Rows]:
    for rows in given:
        sampler.add(rows)
        yield rows


def _columns(package: Package) -> tuple[str, ...]:
    return tuple(column.name for column in package.manifest.columns)


def _outcomes(profile: Profile) -> int:
    return int(profile[NOT_ALLOWED].by_outcome[[NO_PURCHASE, PURCHASE]].sum())
