"""The page on drift: what moved, in words and pictures, without a script or a network."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ecom.drift import wording
from ecom.drift.classifier import TOGETHER
from ecom.drift.outcome import Drift
from ecom.drift.shifts import Shift, merged
from ecom.evaluation.resampling import LEVEL
from ecom.reporting.templates import html_template, own_markup
from ecom.serving.profile import SCORE, Bins, Tally

BARS: Final = 10  # of a column; smaller values without order share the last
STEM: Final = 4  # digits of a value that a bar is named by


@dataclass(frozen=True)
class Bar:
    """A group of values, and its share on both sides, in per cent of the longest bar."""

    name: str
    reference: float
    new: float
    shares: str


def drift_page(drift: Drift) -> str:
    """Return what was found as HTML."""
    shifts = sorted(drift.shifts, key=lambda shift: (not shift.alarms, -abs(shift.difference)))
    # The score may move by far more than any column, which would be too small to see.
    columns = [shift for shift in shifts if shift.name not in (SCORE, TOGETHER)]
    reach = max(drift.smallest * 2, *(max(map(abs, shift.interval)) for shift in columns))
    return html_template("drift.html").render(
        drift=drift,
        headline=wording.headline(drift),
        about=wording.about(drift),
        notes=wording.notes(drift),
        level=LEVEL,
        headings=wording.HEADINGS,
        shifts=[(shift, wording.row(shift), _interval(shift, reach)) for shift in shifts],
        band=_span(-drift.smallest, drift.smallest, reach),
        reach=wording.points(reach),
        columns=[
            (shift, _bars(*(profile[shift.name] for profile in drift.profiles)))
            for shift in shifts
            if shift.name in drift.profiles[0]
        ],
        calendar=[
            (shift, _bars(*(profile[shift.name] for profile in drift.profiles)))
            for shift in drift.calendar
        ],
        calendar_note=wording.CALENDAR_NOTE,
        quality=wording.quality_table(drift) if drift.quality else None,
        reservations=" ".join(wording.reservations(drift)),
        wrong=wording.wrong_rows(drift),
        style=own_markup("page.css"),
    )


def _interval(shift: Shift, reach: float) -> dict[str, float]:
    return {**_span(*shift.interval, reach), "at": _at(shift.difference, reach)}


def _span(low: float, high: float, reach: float) -> dict[str, float]:
    """Return where an interval is on an axis from -reach to reach, in per cent of its width."""
    return {"left": _at(low, reach), "width": _at(high, reach) - _at(low, reach)}


def _at(value: float, reach: float) -> float:
    return 50 + 50 * min(max(value / reach, -1.0), 1.0)


def _bars(reference: Tally, new: Tally) -> list[Bar]:
    bins = reference.bins
    before, after = reference.by_outcome[None], new.by_outcome[None]
    if bins.ordered:
        bins, before, after = merged(bins, before, after, BARS)
        names, counts = _ranges(bins), [before.sum(axis=(0, 1)), after.sum(axis=(0, 1))]
    else:
        names, counts = _largest(bins, before.sum(axis=(0, 1)), after.sum(axis=(0, 1)))
    shares = [each / max(each.sum(), 1) for each in counts]
    longest = max(float(each.max()) for each in shares) or 1.0
    return [
        Bar(name, 100 * old / longest, 100 * now / longest, f"{old:.1%} → {now:.1%}")
        for name, old, now in zip(names, *shares, strict=True)
        if old or now
    ]


def _ranges(bins: Bins) -> list[str]:
    cuts = [f"{cut:.{STEM}g}" for cut in bins.cuts]
    return [f"up to {cuts[0]}", *(f"to {cut}" for cut in cuts[1:]), f"above {cuts[-1]}"]


def _largest(bins: Bins, before: Any, after: Any) -> tuple[list[str], list[Any]]:
    """Return the commonest values by name, with their counts; the rest is added up."""
    if bins.values == (1.0,):
        return ["TRUE", "FALSE"], [before, after]
    if bins.values == (0.0,):
        return ["allowed", "not allowed"], [before, after]
    most = np.argsort(-(before + after)[:-1], kind="stable")[: BARS - 1]
    most.sort()
    names = [str(value if isinstance(value, str) else f"{value:g}") for value in bins.values]
    counts = [np.append(each[most], each.sum() - each[most].sum()) for each in (before, after)]
    return [*(names[place] for place in most), "others"], counts
