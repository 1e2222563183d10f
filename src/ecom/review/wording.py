"""A comparison in words and tables: Markdown, for pull requests and for the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ecom.notation import COST, METRIC_NAMES, markdown_table
from ecom.review.changes import Pair
from ecom.review.comparison import Comparison
from ecom.review.crossings import Crossings, Group
from ecom.review.verdicts import Finding, SliceFinding

MARKER: Final = "<!-- ecom review -->"  # by which the one comment to update is found
MANY: Final = 12  # names in a list, before the rest is only counted
LARGE: Final = 100  # means from here on are told without decimals
SIGNS: Final = {"better": "🟢", "worse": "🔴", "no different": "⚪"}


def to_markdown(comparison: Comparison, picture: str | None = None) -> str:
    """Write a comparison as a comment on a pull request.

    Parameters
    ----------
    comparison
        Of two states.
    picture
        Address of a picture of both sides' curves.
    """
    parts = [MARKER, f"## {headline(comparison)}", _sides(comparison)]
    if comparison.stale:
        parts.append(_stale(comparison.stale))
    if comparison.incomparable:
        parts += _without_pairs(comparison)
    elif comparison.identical:
        parts += [_as_before(comparison.findings), _reasons(comparison.left_out)]
    else:
        parts += [_findings(comparison), _how_judged(comparison), _slices(comparison.slices)]
        if picture:
            parts.append(f"![Curves of both sides]({picture})")
        if comparison.crossings:
            parts.append(_crossings(comparison.crossings, comparison.thresholds))
    parts.append(_changes(comparison))
    return "\n\n".join(part for part in parts if part) + "\n"


def none_to_markdown(reason: str) -> str:
    """Write why there is no comparison, as a comment on a pull request."""
    return f"{MARKER}\n\n## ⚠️ No comparison\n\n{reason}\n"


def headline(comparison: Comparison) -> str:
    """Return the verdict in one line."""
    if comparison.incomparable or comparison.verdict is None:
        reason = comparison.incomparable or "every decisive metric is defined differently"
        return f"⚠️ Not comparable: {reason}"
    sign = "⚠️ Stale." if comparison.stale else SIGNS[comparison.verdict]
    if comparison.identical:
        return f"{sign} No different: every test session gets the same score"
    decisive = [of for of in comparison.findings if of.metric in comparison.decisive]
    told = [of for of in decisive if of.verdict == comparison.verdict] or decisive
    figures = [f"{_name(of.metric)} {_difference(of)}" for of in told]
    figures += [
        f"{_name(metric)} not compared"
        for metric in comparison.decisive
        if metric in comparison.left_out
    ]
    return f"{sign} {comparison.verdict.capitalize()}: {', '.join(figures)}"


def _sides(comparison: Comparison) -> str:
    sides = f"`{comparison.base}` → `{comparison.head}`"
    if not comparison.sessions:
        return f"{sides}."
    return (
        f"{sides}, on the same {comparison.sessions:,} {comparison.data} test sessions, "
        f"{comparison.purchases:,} of which bought."
    )


def _stale(stale: Mapping[str, Sequence[str]]) -> str:
    return "\n".join(
        f"> **Stale:** {name} is not of the code, data and knobs beside it "
        f"({_listed(stages)}): run `dvc repro`, and commit `dvc.lock`."
        for name, stages in stale.items()
    )


def _without_pairs(comparison: Comparison) -> list[str]:
    rows = [
        [
            _name(of.metric),
            f"{_figure(of.metric, of.base)} {_interval(of.metric, of.base_interval)}",
            f"{_figure(of.metric, of.head)} {_interval(of.metric, of.head_interval)}",
        ]
        for of in comparison.figures
    ]
    return [
        (
            "A difference between models can be told from noise only on the same sessions with "
            "the same labels. What can still be compared: each side's own figures, with 95 % "
            "intervals of their own, and what changed."
        ),
        markdown_table(["", "base", "head"], rows),
        _reasons(comparison.left_out),
    ]


def _as_before(findings: Sequence[Finding]) -> str:
    figures = ", ".join(f"{_name(of.metric)} {_figure(of.metric, of.head)}" for of in findings)
    return f"Every figure is as before: {figures}."


def _findings(comparison: Comparison) -> str:
    rows = [
        [
            f"**{_name(of.metric)}**" if of.metric in comparison.decisive else _name(of.metric),
            _figure(of.metric, of.base),
            _figure(of.metric, of.head),
            _difference(of),
            _figure(of.metric, of.smallest_difference),
            f"{of.probability_better:.0%}",
            f"{SIGNS[of.verdict]} {of.verdict}",
        ]
        for of in comparison.findings
    ]
    headings = [
        "",
        "base",
        "head",
        "difference (95 %)",
        "matters from",
        "P(head better)",
        "verdict",
    ]
    return markdown_table(headings, rows)


def _how_judged(comparison: Comparison) -> str:
    decisive = " and ".join(
        _name(of.metric) for of in comparison.findings if of.metric in comparison.decisive
    )
    before, after = comparison.mean_scores
    rate = comparison.purchases / comparison.sessions
    return "\n".join(
        [
            f"The verdict is that of {decisive}. Better or worse: the 95 % interval of the paired",
            "difference (stratified bootstrap) leaves out 0, and the difference matters.",
            f"The mean score is {before:.4f} → {after:.4f}, the rate of purchases {rate:.4f}.",
            _reasons(comparison.left_out),
        ]
    ).rstrip()


def _reasons(left_out: Mapping[str, str]) -> str:
    return "\n".join(
        f"Not compared: {_name(metric)}, for it is defined differently ({reason})."
        for metric, reason in left_out.items()
    )


def _slices(slices: Sequence[SliceFinding]) -> str:
    if not slices:
        return ""
    moved = [of for of in slices if of.verdict != "no different"]
    if not moved:
        return (
            f"**Slices.** None of {len(slices)} got better or worse in PR-AUC beyond noise "
            "(Holm's method, 5 % for all together)."
        )
    rows = [
        [
            of.slice,
            f"{of.sessions:,}",
            f"{of.base:.3f}",
            f"{of.head:.3f}",
            f"{of.difference:+.3f}",
            f"{of.p_value:.1g}",
            f"{SIGNS[of.verdict]} {of.verdict}",
        ]
        for of in sorted(moved, key=lambda of: of.difference)
    ]
    headings = ["slice", "sessions", "base", "head", "difference", "p", "verdict"]
    return (
        f"**Slices** whose PR-AUC moved beyond noise, of {len(slices)} (Holm's method, 5 % for all "
        f"together):\n\n{markdown_table(headings, rows)}"
    )


def _crossings(crossings: Crossings, thresholds: tuple[float, float]) -> str:
    told = f"**Threshold** {thresholds[0]:.4f} → {thresholds[1]:.4f}."
    rows = [
        _group("newly flagged", crossings.newly_flagged),
        _group("no longer flagged", crossings.no_longer_flagged),
    ]
    if not any(row[1] != "0" for row in rows):
        return f"{told} No session changed sides."
    headings = ["", "sessions", "bought", "mean score", "unlike the others in (group; all)"]
    return f"{told} Sessions that changed sides:\n\n{markdown_table(headings, rows)}"


def _group(name: str, group: Group) -> list[str]:
    traits = ", ".join(f"{of.column} ({_trait(of.group)}; {_trait(of.all)})" for of in group.traits)
    scores = f"{group.base_score:.3f} → {group.head_score:.3f}" if group.sessions else ""
    return [name, f"{group.sessions:,}", f"{group.purchases:,}", scores, traits]


def _trait(mean: float) -> str:
    return f"{mean:,.0f}" if mean >= LARGE else f"{mean:.2g}"


def _changes(comparison: Comparison) -> str:
    changes = comparison.changes
    if not changes:
        return "**Changed:** nothing that a stage reads."
    lines = [
        *(
            f"- {kind}: {_listed(_pairs(pairs))}"
            for kind, pairs in (
                ("knobs", changes.params),
                ("packages", changes.packages),
                ("raw data", _short(changes.data)),
            )
            if pairs
        ),
        *([f"- code: {_listed(_files(changes.code))}"] if changes.code else []),
        *([f"- stages with other inputs: {_listed(changes.reran)}"] if changes.reran else []),
        (
            f"- stages with other results: {_listed(changes.results)}"
            if changes.results
            else "- no stage came out different: every output is the same, byte for byte"
        ),
    ]
    return "**Changed**\n" + "\n".join(lines)


def _files(code: Mapping[str, Pair]) -> Iterable[str]:
    for path, (base, head) in code.items():
        yield f"`{path}`" + (" (new)" if base is None else " (removed)" if head is None else "")


def _pairs(pairs: Mapping[str, Pair]) -> Iterable[str]:
    for name, (base, head) in pairs.items():
        yield f"`{name}` {_value(base)} → {_value(head)}"


def _short(hashes: Mapping[str, Pair]) -> dict[str, Pair]:
    return {path: (base and base[:7], head and head[:7]) for path, (base, head) in hashes.items()}


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    if value is None or isinstance(value, bool):
        return "none" if value is None else str(value).lower()
    return str(value)


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return ", ".join(names[:MANY]) + more


def _name(metric: str) -> str:
    return METRIC_NAMES[metric]


def _figure(metric: str, value: float, sign: str = "") -> str:
    return f"{value:{sign}z{',.0f' if metric == COST else '.4f'}}"


def _difference(of: Finding) -> str:
    return f"{_figure(of.metric, of.difference, '+')} {_interval(of.metric, of.interval, '+')}"


def _interval(metric: str, bounds: tuple[float, float], sign: str = "") -> str:
    low, high = (_figure(metric, bound, sign) for bound in bounds)
    return f"({low} to {high})"
