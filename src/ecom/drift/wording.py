"""What was found, in words: the same in the terminal and on the page."""

from typing import Final

from ecom.drift.outcome import CANNOT_TELL, DRIFT, EXPECTED, NEW, REALISED, Drift
from ecom.drift.quality import RATE, Estimate
from ecom.drift.shifts import GIVEN_SCORE, PURCHASES, Shift
from ecom.evaluation.metrics import COST, METRICS
from ecom.evaluation.multiple_tests import FALSE_ALARMS
from ecom.evaluation.resampling import LEVEL
from ecom.notation import markdown_table
from ecom.serving.profile import NOT_ALLOWED

BLIND: Final = (
    "Expected figures are blind to concept drift: if sessions of the same score buy more or less "
    "often than before, scores do not move, nor do these figures. Only outcomes show it"
)
CALENDAR_NOTE: Final = "They say when sessions were, so they always move, and raise no alarm"
HEADINGS: Final = ("what moved", "share of sessions with", "reference", "new", "points", "p")
DIGITS: Final = 4  # of a p-value


def headline(drift: Drift) -> str:
    """Return the verdict in a sentence."""
    asked = len(drift.shifts)
    size = f"by {points(drift.smallest)} points or more"
    if drift.verdict == DRIFT:
        return f"Drift: {len(drift.alarms)} of {asked} things that were compared moved {size}"
    if drift.verdict == CANNOT_TELL:
        return (
            "Cannot tell: there are too few blocks, so that chance alone would do what was seen, "
            "whatever it is. Take more days, or a smaller unit as the block"
        )
    widest = max(drift.shifts, key=lambda shift: max(map(abs, shift.interval)))
    return (
        f"No drift seen: none of {asked} things that were compared moved for certain {size}. "
        f"At most ({LEVEL}), {widest.name} moved by {points(max(map(abs, widest.interval)))} points"
    )


def causes(drift: Drift) -> list[str]:
    """Return what kind of drift it is, as far as that can be told, and what to do."""
    if not drift.alarms:
        return []
    names = {shift.name: shift for shift in drift.alarms}
    columns = [
        shift for shift in drift.alarms if shift.name not in (PURCHASES, GIVEN_SCORE, NOT_ALLOWED)
    ]
    known = any(shift.name == GIVEN_SCORE for shift in drift.shifts)
    found = []
    if NOT_ALLOWED in names:
        found.append(
            f"Values that are not allowed: {names[NOT_ALLOWED].after:.1%} of the new sessions have "
            f"one ({names[NOT_ALLOWED].before:.1%} of the reference), so they get no score. Mend "
            "what writes them first; the table below names them"
        )
    prior = PURCHASES in names and not any(shift.within_outcomes for shift in columns)
    if prior:
        found.append(
            f"Prior shift: the share of purchases went {_from_to(names[PURCHASES])}, and neither "
            "among purchases nor among other sessions did a column move for certain. Scores are "
            "off as the share is: fit again with the new sessions, or choose the threshold again"
        )
    elif GIVEN_SCORE in names:
        found.append(
            f"Concept drift: the share of sessions with {names[GIVEN_SCORE].place} went "
            f"{_from_to(names[GIVEN_SCORE])}. Scores no longer mean what they say: fit again with "
            "the new sessions"
        )
    elif columns and known:
        found.append(
            "Drift of columns: the sessions are others. That sessions of the same score buy more "
            "or less often than before was not seen"
        )
    if columns and not known:
        found.append(
            "Outcomes are not known, so nobody can tell whether sessions of the same score still "
            "buy as often: add the column Revenue when they are"
        )
    return found


def surprises(drift: Drift) -> list[str]:
    """Return which realised figures are outside what scores let expect."""
    if REALISED not in drift.quality or EXPECTED not in drift.quality:
        return []
    realised, expected = drift.quality[REALISED], drift.quality[EXPECTED]
    found = []
    for metric in ("pr_auc", COST):
        low, high = expected[metric].interval
        if not low <= realised[metric].value <= high:
            found.append(
                f"{METRICS[metric].words} is {_estimate(metric, realised[metric])} as realised; "
                f"scores let expect {_estimate(metric, expected[metric])}"
            )
    return found


def to_markdown(drift: Drift) -> str:
    """Write what was found."""
    about = (
        f"{drift.sessions[1]:,} new sessions of {drift.new} beside {drift.sessions[0]:,} of "
        f"{drift.reference}{_blocks(drift)}. A difference raises an alarm if chance would rarely "
        f"do it ({FALSE_ALARMS:.0%} for all together), and if it is of "
        f"{points(drift.smallest)} points or more."
    )
    points_of_note = [*causes(drift), *surprises(drift)]
    lines = [f"# {headline(drift)}", about, *(f"- {each}." for each in points_of_note)]
    if drift.alarms:
        lines.append(markdown_table(HEADINGS, [row(shift) for shift in drift.alarms]))
    if drift.quality:
        lines += [
            markdown_table(*quality_table(drift)),
            f"{BLIND}.{'' if drift.calibrated else ' ' + not_calibrated()}",
        ]
    if drift.wrong or drift.broken:
        lines.append(markdown_table(("column", "not allowed", "such as"), wrong_rows(drift)))
    return "\n\n".join(lines) + "\n"


def not_calibrated() -> str:
    """Say that scores are taken at their word."""
    return "Outcomes of the reference are not known, so scores are taken at their word."


def row(shift: Shift) -> list[str]:
    """Return a row of the table of shifts."""
    low, high = shift.interval
    return [
        shift.name,
        shift.place,
        f"{shift.before:.1%}",
        f"{shift.after:.1%}",
        f"{100 * shift.difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
        f"{shift.p_value:.{DIGITS}f}",
    ]


def quality_table(drift: Drift) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of the table of figures."""
    told = dict(drift.quality)
    if told.get(EXPECTED) == told.get(NEW):  # all outcomes are known
        told.pop(EXPECTED, None)
    first = next(iter(told.values()))
    rows = [
        [
            "share of purchases" if metric == RATE else METRICS[metric].words,
            *(_estimate(metric, quality[metric]) for quality in told.values()),
        ]
        for metric in first
    ]
    return ["", *told], rows


def wrong_rows(drift: Drift) -> list[list[str]]:
    """Return rows of the table of values that are not allowed."""
    rows = [[name, f"{times:,}", example] for name, (times, example) in drift.wrong.items()]
    if drift.broken:
        rows.append(["", f"{drift.broken:,}", "lines that are no rows"])
    return rows


def points(share: float) -> str:
    """Write a difference of shares in points.

    Examples
    --------
    >>> points(0.02), points(0.0125)
    ('2', '1.2')
    """
    return f"{100 * share:.1f}".removesuffix(".0")


def _estimate(metric: str, estimate: Estimate) -> str:
    decimals = METRICS[metric].decimals if metric in METRICS else 3
    low, high = estimate.interval
    if low == high:
        return f"{estimate.value:,.{decimals}f}"
    return f"{estimate.value:,.{decimals}f} ({low:,.{decimals}f} to {high:,.{decimals}f})"


def _blocks(drift: Drift) -> str:
    return f", in {drift.groups[1]:,} and {drift.groups[0]:,} blocks" if drift.groups else ""


def _from_to(shift: Shift) -> str:
    return f"from {shift.before:.1%} to {shift.after:.1%}"
