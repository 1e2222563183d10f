"""What was found, in words: the same in the terminal and on the page."""

from typing import Final

from ecom.drift.classifier import TOGETHER
from ecom.drift.outcome import CANNOT_TELL, DRIFT, EXPECTED, NEW, REALISED, REFERENCE, Drift
from ecom.drift.quality import RATE, Estimate
from ecom.drift.shifts import GIVEN_SCORE, PURCHASES, Shift
from ecom.evaluation.metrics import COST, METRICS
from ecom.evaluation.multiple_tests import FALSE_ALARMS
from ecom.notation import markdown_table
from ecom.serving.profile import NOT_ALLOWED, SCORE

BLIND: Final = (
    "Expected figures are blind to concept drift: if sessions of the same score buy more or less "
    "often than before, scores do not move, nor do these figures. Only outcomes show it"
)
CALENDAR_NOTE: Final = "They say when sessions were, so they always move, and raise no alarm"
HEADINGS: Final = ("what moved", "share of sessions with", "reference", "new", "points", "p")
DIGITS: Final = 4  # of a p-value
SHOWN: Final = ("pr_auc", COST)  # first of all
LOOKED_AT: Final = 3  # columns that are named
KNOWN_AGAIN: Final = 0.05  # of the sessions: a few hold the same by chance


def headline(drift: Drift) -> str:
    """Return the verdict in a sentence."""
    asked = len(drift.shifts)
    if drift.verdict == DRIFT:
        return f"Drift: {len(drift.alarms)} of {asked} comparisons raise an alarm"
    if drift.verdict == CANNOT_TELL:
        return (
            "Cannot tell: with so few blocks, no difference, however large, could be told from "
            "chance. Use more blocks: about six on either side"
        )
    return f"No drift seen: none of {asked} comparisons raises an alarm"


def about(drift: Drift) -> str:
    """Return what was compared, and when an alarm is raised."""
    blocks = drift.blocks
    return (
        f"{drift.sessions[1]:,} new sessions of {drift.new} beside {drift.sessions[0]:,} of "
        f"{drift.reference}{f', in {blocks[1]:,} and {blocks[0]:,} blocks' if blocks else ''}, "
        f"scored by package {drift.package[:12]}. A difference raises an alarm if chance would "
        f"rarely cause it ({FALSE_ALARMS:.0%} for all comparisons together), and if it is of "
        f"{points(drift.smallest)} points (of 100 sessions) or more. p is of the whole column; the "
        "interval is of the share that moved most, whichever that is, and so wider."
    )


def causes(drift: Drift) -> list[str]:
    """Return what kind of drift it is, as far as that can be told, and what to do."""
    if not drift.alarms:
        return []
    names = {shift.name: shift for shift in drift.alarms}
    columns = [
        shift for shift in drift.alarms if shift.name not in (PURCHASES, GIVEN_SCORE, NOT_ALLOWED)
    ]
    found = []
    if NOT_ALLOWED in names:
        found.append(
            f"Values that are not allowed: {names[NOT_ALLOWED].after:.1%} of the new sessions have "
            f"one ({names[NOT_ALLOWED].before:.1%} of the reference), so they get no score. Mend "
            "what writes them first; the table below names them"
        )
    within = [shift.within_outcomes for shift in columns]
    if PURCHASES in names and within and not any(within) and None not in within:
        found.append(
            f"Prior shift: the share of purchases went {_from_to(names[PURCHASES])}, which may "
            "explain the rest: neither among purchases nor among other sessions was a change of a "
            "column seen. Scores are off as the share is: fit again with the new sessions"
        )
    elif GIVEN_SCORE in names:
        found.append(
            f"Concept drift: the share of sessions with {names[GIVEN_SCORE].place} went "
            f"{_from_to(names[GIVEN_SCORE])}. Scores no longer mean what they say: fit again with "
            f"the new sessions{_columns_first(columns)}"
        )
    elif columns:
        found.append(f"Drift of columns: the mix of sessions changed. {_same_score(drift)}")
    return found


def _same_score(drift: Drift) -> str:
    """Return what is known of sessions of the same score, and of the share of purchases."""
    if all(shift.name != GIVEN_SCORE for shift in drift.shifts):
        return (
            "Too few outcomes are known to tell whether sessions of the same score still buy as "
            "often: give the column Revenue, or send them to the service (POST /feedback)"
        )
    moved = next((shift for shift in drift.alarms if shift.name == PURCHASES), None)
    seen = "No change was seen in how often sessions of the same score buy"
    return f"{seen}: that purchases went {_from_to(moved)} follows from the mix" if moved else seen


def _columns_first(columns: list[Shift]) -> str:
    """Point at columns: one that broke lets scores mean something else too."""
    named = [shift.name for shift in columns if shift.name not in (SCORE, TOGETHER)]
    if not named:
        return ""
    return f", unless a column broke: look at {', '.join(named[:LOOKED_AT])} first"


def surprises(drift: Drift) -> list[str]:
    """Return which realised figures are outside what was expected from the scores."""
    if REALISED not in drift.quality or EXPECTED not in drift.quality:
        return []
    realised, expected = drift.quality[REALISED], drift.quality[EXPECTED]
    found = []
    for metric in SHOWN:
        if metric not in realised or metric not in expected:
            continue
        low, high = expected[metric].interval
        if not low <= realised[metric].value <= high:
            found.append(
                f"{METRICS[metric].words} is {_estimate(metric, realised[metric])} as realised; "
                f"{_estimate(metric, expected[metric])} was expected from the scores"
            )
    return found


def expectations(drift: Drift) -> list[str]:
    """Return what is expected of the model on the new sessions, beside the reference."""
    old, new = drift.quality.get(REFERENCE, {}), drift.quality.get(NEW, {})
    return [
        f"Expected {METRICS[metric].words}: {_estimate(metric, new[metric])}; the reference had "
        f"{_estimate(metric, old[metric])}"
        for metric in SHOWN
        if metric in new and metric in old
    ]


def notes(drift: Drift) -> list[str]:
    """Return what to know first: the kind of drift, and how good the model is."""
    return [
        *causes(drift),
        *score_and_calendar(drift),
        *expectations(drift),
        *surprises(drift),
        *known_again(drift),
    ]


def score_and_calendar(drift: Drift) -> list[str]:
    """Return why the score may have moved with nothing else."""
    if not drift.calendar or all(shift.name != SCORE for shift in drift.alarms):
        return []
    calendar = " and ".join(shift.name for shift in drift.calendar)
    always = f"The score knows {calendar}, which say when sessions were and always move"
    return [f"{always}: it may move by them alone"]


def known_again(drift: Drift) -> list[str]:
    """Return how many sessions the model was fitted to, if they are more than by chance."""
    sides = zip(("reference", "new"), drift.fitted_to, drift.sessions, strict=True)
    return [
        f"{count:,} of the {side} sessions are like one that the model was fitted to, so that what "
        "is said of their scores is too good (`judge` leaves them out)"
        for side, count, total in sides
        if count > KNOWN_AGAIN * total
    ]


def to_markdown(drift: Drift) -> str:
    """Write what was found."""
    lines = [f"# {headline(drift)}", about(drift), *(f"- {note}." for note in notes(drift))]
    if drift.alarms:
        lines.append(markdown_table(HEADINGS, [row(shift) for shift in drift.alarms]))
    if drift.quality:
        lines += [
            markdown_table(*quality_table(drift)),
            " ".join(reservations(drift)),
        ]
    if drift.wrong or drift.broken:
        lines.append(markdown_table(("column", "not allowed", "such as"), wrong_rows(drift)))
    return "\n\n".join(lines) + "\n"


def reservations(drift: Drift) -> list[str]:
    """Return what to keep in mind about the figures, in sentences."""
    said = [f"{BLIND}."]
    if not drift.calibrated:
        said.append("Outcomes of the reference are not known, so scores are taken at their word.")
    if 0 < drift.outcomes[1] < drift.sessions[1]:
        said.append(
            f"Outcomes are known of {drift.outcomes[1]:,} of the new sessions. If purchases are "
            "known sooner than others, what is realised looks too good."
        )
    if drift.blocks:
        said.append("These intervals take sessions one by one, not in blocks: they are too narrow.")
    return said


def row(shift: Shift) -> list[str]:
    """Return a row of the table of shifts."""
    low, high = shift.interval
    place = shift.place.replace(TOGETHER, "the score of a classifier of new sessions")
    return [
        shift.name,
        place,
        f"{shift.before:.1%}",
        f"{shift.after:.1%}",
        f"{100 * shift.difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
        f"{'≤ ' if shift.p_value <= shift.smallest_p_value else ''}{shift.p_value:.{DIGITS}f}",
    ]


def quality_table(drift: Drift) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of the table of figures."""
    told = dict(drift.quality)
    if told.get(EXPECTED) == told.get(NEW):  # all outcomes are known
        told.pop(EXPECTED, None)
    metrics = dict.fromkeys(metric for quality in told.values() for metric in quality)
    rows = [
        [
            "share of purchases" if metric == RATE else METRICS[metric].words,
            *(_estimate(metric, quality.get(metric)) for quality in told.values()),
        ]
        for metric in metrics
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


def _estimate(metric: str, estimate: Estimate | None) -> str:
    if estimate is None:
        return "cannot be told"
    decimals = METRICS[metric].decimals if metric in METRICS else 3
    low, high = estimate.interval
    if low == high:
        return f"{estimate.value:,.{decimals}f}"
    return f"{estimate.value:,.{decimals}f} ({low:,.{decimals}f} to {high:,.{decimals}f})"


def _from_to(shift: Shift) -> str:
    return f"from {shift.before:.1%} to {shift.after:.1%}"
