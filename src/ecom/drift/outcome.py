"""New sessions against reference sessions: what moved, how good the model is, and the verdict."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from ecom.drift.classifier import about_all_columns
from ecom.drift.counting import Counted, Sampler, count
from ecom.drift.quality import OperatingPoint, Quality, calibrate, expected, realised
from ecom.drift.shifts import (
    FEWEST,
    Question,
    Shift,
    about_column,
    about_purchases,
    about_purchases_given_score,
    answer,
    can_alarm,
)
from ecom.errors import DataError
from ecom.params.threshold import Costs
from ecom.schema import CALENDAR
from ecom.serving.bulk.labelled import Rows, read_rows, rows_of
from ecom.serving.bulk.reading import Block
from ecom.serving.manifest import MANIFEST
from ecom.serving.package import Package, package_version
from ecom.serving.profile import NOT_ALLOWED, SCORE, Profile, Tally, of_known_outcome

Verdict = Literal["drift", "no drift seen", "cannot tell"]
DRIFT: Final = "drift"
NO_DRIFT: Final = "no drift seen"
CANNOT_TELL: Final = "cannot tell"
REFERENCE: Final = "reference, as realised"
NEW: Final = "new, as expected"
EXPECTED: Final = "new with known outcome, as expected"
REALISED: Final = "new with known outcome, as realised"
STATUSES: Final[dict[Verdict, int]] = {NO_DRIFT: 0, DRIFT: 1, CANNOT_TELL: 3}


@dataclass(frozen=True)
class Settings:
    """How drift is told.

    Attributes
    ----------
    block
        Column that says which sessions belong together, such as their day.
    smallest
        The smallest difference of a share of sessions that matters.
    seed
        Of everything that is drawn.
    """

    block: str | None = None
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
    blocks
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
    fitted_to
        Sessions of both sides that are like one that the model was fitted to.
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
    blocks: tuple[int, int] | None
    outcomes: tuple[int, int]
    smallest: float
    shifts: list[Shift]
    calendar: list[Shift]
    quality: dict[str, Quality]
    calibrated: bool
    fitted_to: tuple[int, int]
    wrong: dict[str, tuple[int, str]]
    broken: int
    profiles: tuple[Profile, Profile]

    @property
    def alarms(self) -> list[Shift]:
        """What chance would rarely do, and as large as matters; the largest first."""
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
        Sessions cannot be read, or are too few; or a block is on both sides.
    PackageError
        The package has no profile.
    """
    rows = read_rows(new, package, settings.block)
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
        The reference cannot be read, or sessions are too few.
    ServiceError
        The store cannot be read.
    """
    from ecom.serving.store import stored_sessions

    rows = (
        rows_of(
            Block(table, np.arange(len(table))),
            package,
            settings.block,
            package.manifest.columns,
            labelled=True,
        )
        for table in stored_sessions(address, _columns(package), days)
    )
    return _compared(reference, ("the store", rows), package, settings)


def _compared(
    reference: str, new: tuple[str, Iterable[Rows]], package: Package, settings: Settings
) -> Drift:
    """Count both sides, and judge what was counted."""
    before = _reference(reference, package, settings)
    sampler = Sampler(package.manifest.columns, settings.seed + 1)
    bins = {name: before.counted.profile[name].bins for name in _columns(package)}
    rows = _drawing(sampler, new[1])
    after = Side(count(rows, bins, package.manifest.threshold), sampler)
    _require_sides((reference, new[0]), before, after, settings)
    old, now = before.counted.profile, after.counted.profile
    questions, calendar = _questions(before, after, package, settings)
    quality, calibrated = _quality(old[SCORE], now[SCORE], package, settings)
    return Drift(
        reference=reference,
        new=new[0],
        package=package.version,
        sessions=(old.sessions, now.sessions),
        blocks=None
        if settings.block is None
        else (len(before.counted.blocks), len(after.counted.blocks)),
        outcomes=(_outcomes(old), _outcomes(now)),
        smallest=settings.smallest,
        shifts=answer(questions, settings.smallest, settings.seed),
        calendar=answer(calendar, settings.smallest, settings.seed) if calendar else [],
        quality=quality,
        calibrated=calibrated,
        fitted_to=(before.counted.fitted_to, after.counted.fitted_to),
        wrong={
            name: (times, f"{fault.value}; expected {fault.rule}")
            for name, (times, fault) in sorted(after.counted.wrong.items())
        },
        broken=after.counted.broken,
        profiles=(old, now),
    )


def _require_sides(names: tuple[str, str], before: Side, after: Side, settings: Settings) -> None:
    """Refuse too few sessions, and blocks that are on both sides."""
    for name, side in zip(names, (before, after), strict=True):
        if side.counted.profile.sessions < FEWEST:
            raise DataError(
                f"{name} has {side.counted.profile.sessions:,} sessions; expected at least "
                f"{FEWEST}, to tell drift from noise"
            )
    shared = set(before.counted.blocks) & set(after.counted.blocks)
    if settings.block is not None and shared:
        raise DataError(
            f"{settings.block} {min(shared)!r} is on both sides: expected blocks that are either "
            "of the reference or new"
        )


def _questions(
    before: Side, after: Side, package: Package, settings: Settings
) -> tuple[list[Question], list[Question]]:
    """Return what is judged, and what is told of the calendar."""
    old, now = before.counted.profile, after.counted.profile
    blocked, manifest = settings.block is not None, package.manifest
    about = {
        name: about_column(name, old[name], now[name], blocked=blocked)
        for name in (*_columns(package), SCORE, NOT_ALLOWED)
        if old[name].counts.any() and now[name].counts.any()
    }
    questions = [question for name, question in about.items() if name not in CALENDAR]
    of_outcomes = (
        about_purchases(old[NOT_ALLOWED], now[NOT_ALLOWED], blocked=blocked),
        about_purchases_given_score(old[SCORE], now[SCORE], manifest.threshold, blocked=blocked),
    )
    questions += [question for question in of_outcomes if question is not None]
    if before.sampler is not None and after.sampler is not None:
        samples = before.sampler, after.sampler
        together = about_all_columns(manifest.columns, *samples, settings.seed, blocked=blocked)
        # Half of few blocks may be too few to tell anything: the other questions still can.
        if together is not None and can_alarm(together, len(questions) + 1):
            questions.append(together)
    return questions, [question for name, question in about.items() if name in CALENDAR]


def _quality(
    old: Tally, now: Tally, package: Package, settings: Settings
) -> tuple[dict[str, Quality], bool]:
    """Return figures by what they are of, and whether scores were calibrated."""
    costs = Costs.model_validate(package.manifest.costs.model_dump())
    point = OperatingPoint(old.bins, package.manifest.threshold, costs)
    calibration = calibrate(old)
    known = of_known_outcome(now.by_outcome).sum(axis=0)
    found = {
        REFERENCE: realised(old, point, settings.seed),
        NEW: expected(now.by_outcome.sum(axis=0), calibration, point, settings.seed),
        EXPECTED: expected(known, calibration, point, settings.seed),
        REALISED: realised(now, point, settings.seed),
    }
    return {name: each for name, each in found.items() if each}, calibration is not None


def _reference(address: str, package: Package, settings: Settings) -> Side:
    if (Path(address) / MANIFEST).is_file():
        if settings.block is not None:
            raise DataError(
                f"{address} is a package, whose profile has no blocks: --block needs a file of "
                "sessions as the reference"
            )
        if package_version((Path(address) / MANIFEST).read_bytes()) != package.version:
            raise DataError(
                f"{address} is another package than the one that scores: leave out --package, or "
                "give a file of sessions as the reference"
            )
        return Side(Counted(package.profile), None)
    sampler = Sampler(package.manifest.columns, settings.seed)
    for rows in read_rows(address, package, settings.block):
        sampler.add(rows)
    counted = count(
        read_rows(address, package, settings.block), sampler.bins(), package.manifest.threshold
    )
    return Side(counted, sampler)


def _drawing(sampler: Sampler, given: Iterable[Rows]) -> Iterable[Rows]:
    for rows in given:
        sampler.add(rows)
        yield rows


def _columns(package: Package) -> tuple[str, ...]:
    return tuple(column.name for column in package.manifest.columns)


def _outcomes(profile: Profile) -> int:
    return int(of_known_outcome(profile[NOT_ALLOWED].by_outcome).sum())
