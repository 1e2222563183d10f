"""The table that README, model card and report begin with: what each feature set is worth."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecom.evaluation.metrics import COST
from ecom.reporting.cells import metric_name, with_interval
from ecom.schema import FEATURE_SETS, FeatureSet

if TYPE_CHECKING:
    from ecom.results import EvaluateResults, SplitSpread, StudyResults

STUDY: Final = "study.json"  # beside this module; written by `make study`
USES: Final[dict[FeatureSet, str]] = {
    "end_of_session": (
        "to analyse finished sessions. Its figures promise nothing for a decision before the "
        "purchase: PageValues may count the purchase itself"
    ),
    "without_page_values": (
        "to rank finished sessions, such as whom to write to afterwards, by what was visited and "
        "for how long"
    ),
    "at_arrival": "to act while a session runs: all columns are known with its first request",
}


def study_of(sha256: str) -> "StudyResults | None":
    """Return what `make study` found of the data with this hash; None if it was of other data."""
    content = (Path(__file__).parent / STUDY).read_text(encoding="utf-8")
    study: StudyResults = json.loads(content)
    return study if study["sha256"] == sha256 else None


def feature_sets_table(
    evaluate: "EvaluateResults", study: "StudyResults | None"
) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows: metrics and money of each feature set, on the test rows.

    Parameters
    ----------
    evaluate
        What evaluate found.
    study
        Means over several splits; None if there are none of this data.
    """
    found = evaluate["feature_sets"]
    saved = f"€ saved against {found['policy'].replace('flag_', 'flagging ')}"
    headings = ["feature set", "PR-AUC, test", "ROC-AUC, test", metric_name(COST), f"{saved}, test"]
    rows = [
        [
            f"`{name}`",
            with_interval(found, name, "pr_auc"),
            with_interval(found, name, "roc_auc"),
            with_interval(found, name, COST),
            with_interval(found, f"saved_by_{name}", COST),
        ]
        for name in FEATURE_SETS
    ]
    if study:
        over_splits = f"{study['splits']} splits"
        headings += [f"PR-AUC, {over_splits}", f"{saved}, {over_splits}"]
        for name, row in zip(FEATURE_SETS, rows, strict=True):
            means = study["sets"][name]
            row += [_spread(means["pr_auc"], 3), _spread(means["saved"], 0)]
    return headings, rows


def uses() -> list[str]:
    """Return a line for each feature set: what its model may be used for."""
    return [f"`{name}`: {use}" for name, use in USES.items()]


def _spread(found: "SplitSpread", decimals: int) -> str:
    return f"{found['mean']:.{decimals}f} ± {found['sd']:.{decimals}f}"
