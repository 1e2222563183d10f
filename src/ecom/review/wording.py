"""A comparison in words and tables: Markdown, for pull requests and for the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ecom.evaluation.metrics import METRICS
from ecom.evaluation.multiple_tests import FALSE_ALARMS
from ecom.evaluation.resampling import LEVEL
from ecom.notation import markdown_table
from ecom.reporting.cells import metric_name
from ecom.review.changes import Pair
from ecom.review.crossings import Crossings, Group
from ecom.review.outcome import Comparison
from ecom.review.packages import Judgement
from ecom.review.retraining import Retrained
from ecom.review.verdicts import (
    CANNOT_TELL,
    NO_WORSE,
    Confirmation,
    Finding,
    SliceFinding,
    Verdict,
)

MARKER: Final = "<!-- ecom review -->"  # finds the comment again, so that it can be updated
PICTURE: Final = "![Curves of both sides]"  # scripts of .github and .gitlab look for both
MAX_NAMES: Final = 12  # in a list; further names are only counted
LARGE: Final = 100  # means of at least this are written without decimals
SIGNS: Final = {"better": "🟢", "worse": "🔴", NO_WORSE: "⚪", CANNOT_TELL: "⚠️"}


def to_markdown(comparison: Comparison, picture: str | None = None) -> str:
    """Write a comparison as a comment on a pull request.

    Parameters
    ----------
    comparison
        Two states compared.
    picture
        Address of a picture of both sides' curves.
    """
    parts = [MARKER, f"## {headline(comparison)}", _sides(comparison)]
    if comparison.stale:
        parts.append(_stale(comparison.stale))
    parts.append(_what_to_do(comparison))
    if comparison.identical:
        parts += [_unchanged(comparison.findings), _reasons(comparison.left_out)]
    elif comparison.findings:
        parts += [_findings(comparison.findings), _how_judged(comparison)]
        parts.append(_slices(comparison.slices))
        if picture:
            parts.append(f"{PICTURE}({picture})")
        if comparison.crossings:
            parts.append(_crossings(comparison.crossings, comparison))
    elif comparison.by_labels:
        parts += _by_labels(comparison.by_labels)
    else:
        parts += _own_figures(comparison)
    if not comparison.identical:
        parts.append(_confirmation(comparison))
    parts.append(_changes(comparison))
    return "\n\n".join(part for part in parts if part) + "\n"


def judgement_to_markdown(judgement: Judgement) -> str:
    """Write how two packages compare on new sessions."""
    about = (
        f"`{judgement.base}` → `{judgement.head}`, on {judgement.sessions:,} sessions of "
        f"{judgement.place}, of which {judgement.purchases:,} ended in a purchase. "
        f"{_left_out(judgement)}"
    )
    parts = [f"## {judgement_headline(judgement)}", about]
    if judgement.findings:
        deciding = ", ".join(
            metric_name(each.metric) for each in judgement.findings if each.verdict
        )
        parts += [
            _findings(judgement.findings),
            f"{deciding} decide, as in `compare`; the noise is that of the sessions alone, since "
            f"these two models are judged as they are. {_reasons(judgement.left_out)}".strip(),
            _slices(judgement.slices),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def retrained_to_markdown(retrained: Retrained) -> str:
    """Write what new sessions did to the model: as a commit, and beside the champion."""
    return (
        f"# {retrained_headline(retrained)}\n\n"
        "First on the sessions that were there before, then on the newest.\n\n"
        f"{to_markdown(retrained.comparison)}\n"
        "# The newest sessions\n\n"
        "Champion and new model on those of the newest sessions that neither was fitted to.\n\n"
        f"{judgement_to_markdown(retrained.judgement)}"
    )


def retrained_headline(retrained: Retrained) -> str:
    """Return both verdicts, and what follows from them."""
    before = retrained.comparison.verdict
    newest = retrained.judgement.verdict
    follows = {
        0: "it is worth taking",
        1: "leave it",
        3: "nobody can tell whether it is worth taking",
    }[retrained.exit_status]
    return (
        f"With the new sessions, the model is {_told(before)} on the earlier sessions and "
        f"{_told(newest)} on the newest: {follows}"
    )


def _told(verdict: Verdict) -> str:
    return "hard to judge" if verdict == CANNOT_TELL else verdict


def judgement_headline(judgement: Judgement) -> str:
    """Return the verdict on two packages in one line."""
    verdict = f"{SIGNS[judgement.verdict]} {judgement.verdict.capitalize()}"
    if judgement.incomparable:
        return f"{verdict}: {judgement.incomparable}"
    return f"{verdict}: {_deciding(judgement.findings, judgement.verdict)}"


def _left_out(judgement: Judgement) -> str:
    """Return which sessions were not judged, and why."""
    counts = {
        "have no known outcome": judgement.without_outcome,
        "have a value that is not allowed": judgement.not_allowed,
        "are like one that a model was fitted to": judgement.trained_on,
    }
    said = [f"{count:,} {reason}" for reason, count in counts.items() if count]
    return f"Left out: {', '.join(said)}." if said else "None was left out."


def _deciding(findings: Sequence[Finding], verdict: Verdict) -> str:
    """Return the metrics that gave a verdict, with their differences."""
    decisive = [each for each in findings if each.verdict]
    shown = [each for each in decisive if each.verdict == verdict] or decisive
    return ", ".join(f"{metric_name(each.metric)} {_difference(each)}" for each in shown)


def failure_to_markdown(reason: str) -> str:
    """Write why there is no comparison, as a comment on a pull request."""
    return f"{MARKER}\n\n## ⚠️ No comparison\n\n{reason}\n"


def headline(comparison: Comparison) -> str:
    """Return the verdict in one line."""
    sign = "⚠️ Stale." if comparison.stale else SIGNS[comparison.verdict]
    verdict = f"{sign} {comparison.verdict.capitalize()}"
    if comparison.incomparable:
        return f"{verdict}: {comparison.incomparable}"
    decisive = [f for f in comparison.findings if f.verdict]
    if not decisive:
        return f"{verdict}: every decisive metric is defined differently"
    if comparison.identical:
        return f"{verdict}: every session gets the same score"
    figures = [_deciding(comparison.findings, comparison.verdict)]
    figures += [
        f"{metric_name(metric)} not compared"
        for metric in comparison.decisive
        if metric in comparison.left_out
    ]
    return f"{verdict}: {', '.join(figures)}"


def _sides(comparison: Comparison) -> str:
    sides = f"`{comparison.base}` → `{comparison.head}`"
    if not comparison.sessions:
        return f"{sides}."
    before, after = comparison.training_rows
    both = (
        ""
        if before == after == comparison.sessions
        else f" that both have of {before:,} and {after:,}"
    )
    return (
        f"{sides}, on the {comparison.sessions:,} {comparison.data} training sessions{both}, "
        f"of which {comparison.purchases:,} ended in a purchase, each scored by models that did "
        "not see it."
    )


def _what_to_do(comparison: Comparison) -> str:
    """Return where to read on if the gate is closed."""
    if comparison.verdict == "worse":
        return "If that is deliberate, say so: docs/pull_requests.md tells how."
    if comparison.verdict == CANNOT_TELL:
        return (
            "The gate does not open, because a loss cannot be ruled out: docs/pull_requests.md "
            "tells what to do."
        )
    return ""


def _stale(stale: Mapping[str, Sequence[str]]) -> str:
    return "\n".join(
        f"> **Stale:** the results of {name} do not belong to the code, data and params beside "
        f"them ({_listed(stages)}): run `dvc repro`, and commit `dvc.lock`."
        for name, stages in stale.items()
    )


def _own_figures(comparison: Comparison) -> list[str]:
    rows = [
        [
            metric_name(own.metric),
            f"{_figure(own.metric, own.base)} {_interval(own.metric, own.base_interval)}",
            f"{_figure(own.metric, own.head)} {_interval(own.metric, own.head_interval)}",
        ]
        for own in comparison.figures
    ]
    return [
        (
            "A difference between models can be told from noise only on the same sessions with the "
            "same labels. The table shows the figures of each side on its own test rows, with "
            f"their intervals ({LEVEL})."
        ),
        markdown_table(["", "base", "head"], rows),
        _reasons(comparison.left_out),
    ]


def _by_labels(by_labels: Mapping[str, Sequence[Finding]]) -> list[str]:
    parts = []
    for side, findings in by_labels.items():
        parts += [f"**Under the labels of {side}:**", _findings(findings)]
    return parts


def _unchanged(findings: Sequence[Finding]) -> str:
    figures = ", ".join(f"{metric_name(f.metric)} {_figure(f.metric, f.head)}" for f in findings)
    return f"No metric changed: {figures}."


def _findings(findings: Sequence[Finding]) -> str:
    rows = [
        [
            f"**{metric_name(f.metric)}**" if f.verdict else metric_name(f.metric),
            _figure(f.metric, f.base),
            _figure(f.metric, f.head),
            _difference(f),
            f"{f.probability_better:.0%}",
            f"{SIGNS[f.verdict]} {f.verdict}" if f.verdict else "",
        ]
        for f in findings
    ]
    headings = ["", "base", "head", f"difference ({LEVEL})", "P(head better)", "verdict"]
    return markdown_table(headings, rows)


def _how_judged(comparison: Comparison) -> str:
    decisive = [metric_name(f.metric) for f in comparison.findings if f.verdict]
    before, after = comparison.mean_scores
    rate = comparison.purchases / comparison.sessions
    decide = "decides" if len(decisive) == 1 else "decide"
    deciding = [f"{', '.join(decisive)} {decide}."] if decisive else []
    return "\n".join(
        [
            *deciding,
            "Better or worse: the difference matters, and is beyond the noise of sessions and fits",
            f"(Holm's method, {FALSE_ALARMS:.0%} for all that decide). No worse: a loss as large",
            "as the margin is ruled out. The section review of params.yaml has the sizes.",
            f"The mean score is {before:.4f} → {after:.4f}, the rate of purchases {rate:.4f}.",
            *_perfect_calibration(comparison),
            _reasons(comparison.left_out),
        ]
    ).rstrip()


def _perfect_calibration(comparison: Comparison) -> list[str]:
    error = comparison.perfect_calibration_error
    if error is None:
        return []
    figure = _figure("expected_calibration_error", error)
    return [f"Perfect calibration would show a calibration error of {figure} on as many sessions."]


def _confirmation(comparison: Comparison) -> str:
    if comparison.unconfirmed:
        return f"**Test rows:** not compared, since {comparison.unconfirmed}."
    rows = [
        [
            metric_name(c.metric),
            _figure(c.metric, c.base),
            _figure(c.metric, c.head),
            _difference(c),
        ]
        for c in comparison.confirmation
    ]
    table = markdown_table(["", "base", "head", f"difference ({LEVEL})"], rows)
    return f"**Test rows**, by the models that ship; they decide nothing:\n\n{table}"


def _reasons(left_out: Mapping[str, str]) -> str:
    return "\n".join(
        f"Not compared: {metric_name(metric)}, because it is defined differently ({reason})."
        for metric, reason in left_out.items()
    )


def _slices(slices: Sequence[SliceFinding]) -> str:
    if not slices:
        return ""
    changed = [s for s in slices if s.verdict]
    if not changed:
        return (
            f"**Slices.** In none of {len(slices)} slices did PR-AUC change beyond noise (Holm's "
            f"method, {FALSE_ALARMS:.0%} for all slices together)."
        )
    rows = [
        [
            s.slice,
            f"{s.sessions:,}",
            f"{s.base:.3f}",
            f"{s.head:.3f}",
            f"{s.difference:+.3f}",
            f"{s.p_value:.1g}",
            f"{SIGNS[s.verdict]} {s.verdict}",
        ]
        for s in sorted(changed, key=lambda s: s.difference)
        if s.verdict
    ]
    headings = ["slice", "sessions", "base", "head", "difference", "p", "verdict"]
    return (
        f"**Slices** in which PR-AUC changed beyond noise, of {len(slices)} (Holm's method, "
        f"{FALSE_ALARMS:.0%} for all slices together):\n\n{markdown_table(headings, rows)}"
    )


def _crossings(crossings: Crossings, comparison: Comparison) -> str:
    before, after = comparison.thresholds
    threshold = f"**Threshold** {before:.4f} → {after:.4f}."
    if comparison.strategies[0] != comparison.strategies[1]:
        threshold += f" Its strategy changed: {' → '.join(comparison.strategies)}."
    groups = {
        "newly flagged": crossings.newly_flagged,
        "no longer flagged": crossings.no_longer_flagged,
    }
    if not any(group.sessions for group in groups.values()):
        return f"{threshold} No session crossed it."
    headings = [
        "",
        "sessions",
        "purchases",
        "mean score",
        "columns that differ most (mean of the group; mean of all)",
    ]
    rows = [_group(name, group) for name, group in groups.items()]
    return f"{threshold} Sessions that crossed it:\n\n{markdown_table(headings, rows)}"


def _group(name: str, group: Group) -> list[str]:
    traits = ", ".join(
        f"{trait.column} ({_mean(trait.group)}; {_mean(trait.all)})" for trait in group.traits
    )
    scores = f"{group.base_score:.3f} → {group.head_score:.3f}" if group.sessions else ""
    return [name, f"{group.sessions:,}", f"{group.purchases:,}", scores, traits]


def _mean(mean: float) -> str:
    return f"{mean:,.0f}" if round(mean) >= LARGE else f"{mean:.2g}"


def _changes(comparison: Comparison) -> str:
    changes = comparison.changes
    if not changes:
        return "**Changed:** nothing that a stage reads."
    lines = [
        *(
            f"- {kind}: {_listed(_pairs(pairs))}"
            for kind, pairs in (
                ("params", changes.params),
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
            else "- no result changed: every output is the same, byte for byte"
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
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def _figure(metric: str, value: float, sign: str = "") -> str:
    decimals = METRICS[metric].decimals
    # Differences between models are small: they need a digit more than a metric alone.
    return f"{value:{sign}z,.{decimals + 1 if decimals else 0}f}"


def _difference(finding: Finding | Confirmation) -> str:
    difference = _figure(finding.metric, finding.difference, "+")
    bounds = finding.interval
    return f"{difference} {_interval(finding.metric, bounds, '+')}" if bounds else difference


def _interval(metric: str, bounds: tuple[float, float], sign: str = "") -> str:
    low, high = (_figure(metric, bound, sign) for bound in bounds)
    return f"({low} to {high})"
