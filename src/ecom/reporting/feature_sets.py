"""The tables that README, model card and report begin with: what each feature set is worth."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecom.evaluation.metrics import BREAK_EVEN_COST, COST
from ecom.reporting.cells import metric_name, with_interval
from ecom.schema import FEATURE_SETS, FeatureSet

if TYPE_CHECKING:
    from ecom.results import Results, SplitSpread, StudyResults

Table = tuple[list[str], list[list[str]]]  # headings, then rows of cells

STUDY: Final = "study.json"  # beside this module; written by `make study`
USES: Final[dict[FeatureSet, str]] = {
    "end_of_session": (
        "to analyse finished sessions, and for nothing before the purchase: most columns are "
        "complete only when the outcome is known, and PageValues may count the purchase itself. "
        "Its € compare models; they are not money that a shop can save"
    ),
    "without_page_values": (
        "to analyse finished sessions by what was visited and for how long, checkout pages "
        "perhaps among it. Its € compare models too"
    ),
    "at_arrival": (
        "to act while a session runs: all columns are known with its first request. It ranks "
        "poorly, and more so in months that it has not seen"
    ),
}


def study_of(found: "Results") -> "StudyResults | None":
    """Return what `make study` found, if it was of these data, candidates, searches and costs.

    Parameters
    ----------
    found
        Metrics of the stages.
    """
    content = (Path(__file__).parent / STUDY).read_text(encoding="utf-8")
    study: StudyResults = json.loads(content)
    return study if study["made_of"] == made_of(found) else None


def made_of(found: "Results") -> dict[str, Any]:
    """Return what the figures of a study depend on."""
    return {
        "sha256": found["validate"]["sha256"],
        "candidates": sorted(found["cv"]["candidates"]),
        "n_iter": found["tune"]["n_iter"],
        "strategy": found["threshold"]["strategy"],
        "costs": dict(found["threshold"]["costs"]),
        "policy": found["evaluate"]["feature_sets"]["policy"],
    }


def worth(found: "Results") -> Table:
    """Return the metrics and the money of each feature set, on the test rows."""
    sets = found["evaluate"]["feature_sets"]
    headings = ["feature set, on the test rows", "PR-AUC", "ROC-AUC", metric_name(COST)]
    return [*headings, f"€ saved against {_policy(found)}"], [
        [
            f"`{name}`",
            with_interval(sets, name, "pr_auc"),
            with_interval(sets, name, "roc_auc"),
            with_interval(sets, name, COST),
            with_interval(sets, f"saved_by_{name}", COST),
        ]
        for name in FEATURE_SETS
    ]


def trust(found: "Results") -> Table | None:
    """Return the same over other splits and in months to come, as far as there are any."""
    study, over_time = study_of(found), found["evaluate"]["over_time"]
    headings, rows = ["feature set"], [[f"`{name}`"] for name in FEATURE_SETS]
    if study:
        splits = f"{study['splits']} splits"
        headings += [f"PR-AUC, {splits}", f"ROC-AUC, {splits}", f"€ saved, {splits}"]
        for name, row in zip(FEATURE_SETS, rows, strict=True):
            means = study["sets"][name]
            row += [_spread(means["pr_auc"]), _spread(means["roc_auc"]), _spread(means["saved"], 0)]
    if over_time:
        headings += ["PR-AUC, months to come", "€ saved against flagging none, months to come"]
        for name, row in zip(FEATURE_SETS, rows, strict=True):
            row.append(with_interval(over_time["pr_auc"], name, "pr_auc"))
            row.append(with_interval(over_time["cost"], f"saved_by_{name}", BREAK_EVEN_COST))
    return (headings, rows) if len(headings) > 1 else None


def uses() -> list[str]:
    """Return a line for each feature set: what its model may be used for."""
    return [f"`{name}`: {use}" for name, use in USES.items()]


def _policy(found: "Results") -> str:
    policy: str = found["evaluate"]["feature_sets"]["policy"]
    return policy.replace("flag_", "flagging ")


def _spread(found: "SplitSpread", decimals: int = 3) -> str:
    return f"{found['mean']:.{decimals}f} ± {found['sd']:.{decimals}f}"
