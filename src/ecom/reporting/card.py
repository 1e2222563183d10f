"""The model card (Mitchell et al. 2019): its figures, for the template model_card.md.j2."""

from typing import TYPE_CHECKING, Any, Final, cast

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from ecom.evaluation.metrics import COST, METRICS, MODELS
from ecom.evaluation.resampling import LEVEL
from ecom.models.candidates import CANDIDATES
from ecom.notation import markdown_table
from ecom.reporting.cells import metric_name, with_interval
from ecom.schema import ARRIVAL, FEATURE_SETS, MONTHS

if TYPE_CHECKING:
    from ecom.params.folds import Folds
    from ecom.params.split import Split
    from ecom.params.threshold import Strategy
    from ecom.results import EvaluateResults, Results

TEMPLATE: Final = "model_card.md.j2"
STRATEGIES: Final[dict["Strategy", str]] = {  # `fixed` is said in words of its own
    "minimum_cost": "the lowest cost of errors",
    "break_even": "the probability from which flagging costs less than not flagging",
    "quota": "the share of sessions that can be acted on",
    "target_precision": "a target precision",
    "target_recall": "a target recall",
}
# SHA-256 of the file that UCI publishes, with LF line ends.
PUBLISHED: Final = "d8e130ba51532985f93281a73ce299e6ce150cb915769a7962a11e595eadd6a1"
# In the card's metadata, by the names that model hubs use.
HEADLINE: Final = {
    "pr_auc": "average_precision",
    "roc_auc": "roc_auc",
    "precision": "precision",
    "recall": "recall",
}
SHORT: Final = ("pr_auc", "roc_auc", "lift_top_10")
OVER_TIME: Final = (
    "pr_auc",
    "roc_auc",
    "expected_calibration_error",
    "precision",
    "recall",
    COST,
)
MISTAKE_COLUMNS: Final = (
    "row",
    "actual",
    "score",
    "Month",
    "VisitorType",
    "PageValues",
    "ProductRelated",
    "ProductRelated_Duration",
    "ExitRates",
)
LISTED: Final = 5  # mistakes of each class
NOISE: Final = 3  # standard errors that the worst of some twenty slices rarely exceeds by chance


def write_card(
    metrics: "Results",
    slices: pd.DataFrame,
    mistakes: pd.DataFrame,
    *,
    split: "Split",
    folds: "Folds",
) -> str:
    """Return the model card as Markdown.

    Parameters
    ----------
    metrics
        What the stages validate, clean, features, cv, tune, threshold, evaluate and explain found.
    slices, mistakes
        From `ecom.evaluation.slices`: `slice_metrics` and `confident_mistakes`.
    split, folds
        Sections of params.yaml.
    """
    evaluate, explain = metrics["evaluate"], metrics["explain"]
    importance = sorted(explain["importance"].items(), key=lambda item: -item[1])
    return _template().render(
        **cast("dict[str, Any]", metrics),
        split=split,
        folds=folds,
        data=evaluate["data"],
        dataset_name=_dataset_name(metrics),
        headline=HEADLINE,
        level=LEVEL,
        description=CANDIDATES[metrics["tune"]["candidate"]].description,
        published=PUBLISHED,
        figures=_cells(evaluate, METRICS, (*MODELS, "best_model_minus_baseline")),
        strategies=STRATEGIES,
        policies=_policies(evaluate),
        arrival=FEATURE_SETS[ARRIVAL],
        short_names=[metric_name(metric) for metric in SHORT],
        feature_sets=[
            [f"`{name}`", *(with_interval(evaluate["feature_sets"], name, m) for m in SHORT)]
            for name in reversed(FEATURE_SETS)
        ],
        **_over_time(evaluate),
        page_values=[
            _page_values(row)
            for row in slices.iloc[::-1].to_dict("records")
            if row["slice"] == "PageValues>0"
        ],
        page_values_share=f"{_share(explain['importance'], 'PageValues'):.0%}",
        noise=NOISE,
        slices=[_slice(row) for row in slices.to_dict("records")],
        listed=LISTED,
        mistake_columns=MISTAKE_COLUMNS,
        mistakes=[
            [_written(row[name]) for name in MISTAKE_COLUMNS]
            for row in mistakes.groupby("actual", sort=False).head(LISTED).to_dict("records")
        ],
        importance=[[name, f"{value:.3f}"] for name, value in importance if value],
    )


def _template() -> Template:
    environment = Environment(  # noqa: S701  Markdown, not HTML
        loader=PackageLoader("ecom", "reporting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"count": "{:,}".format, "percent": "{:.1%}".format}
    environment.globals["table"] = markdown_table
    return environment.get_template(TEMPLATE)


def _dataset_name(metrics: "Results") -> str:
    if metrics["evaluate"]["data"] == "synthetic":
        return "generated sessions"
    published = metrics["validate"]["sha256"] == PUBLISHED
    return "Online Shoppers Purchasing Intention" if published else "sessions of your own"


def _cells(found: Any, metrics: Any, columns: tuple[str, ...]) -> list[list[str]]:
    return [
        [metric_name(metric), *(with_interval(found, column, metric) for column in columns)]
        for metric in metrics
    ]


def _policies(evaluate: "EvaluateResults") -> list[list[str]]:
    return [
        *(
            [
                policy.replace("_", " "),
                with_interval(evaluate, policy, COST),
                with_interval(evaluate, f"saved_against_{policy}", COST),
            ]
            for policy in ("flag_none", "flag_all", "baseline")
        ),
        ["model", with_interval(evaluate, "best_model", COST), ""],
    ]


def _over_time(evaluate: "EvaluateResults") -> dict[str, Any]:
    if "temporal" not in evaluate:
        return {}
    found = evaluate["temporal"]
    return {
        "months": " and ".join(dict.fromkeys([found["first_test_month"], MONTHS[-1]])),
        "over_time": _cells(found, OVER_TIME, MODELS),
        "gain_of_seeing": with_interval(
            found["on_test_rows"], "best_model_minus_earlier_best_model", "pr_auc"
        ),
    }


def _page_values(row: dict[Any, Any]) -> str:
    having = "with" if row["value"] == "yes" else "without"
    return f"{row['base_rate']:.1%} of the {row['sessions']:,} test sessions {having} page values"


def _share(importance: dict[str, float], column: str) -> float:
    return importance[column] / (sum(importance.values()) or 1)


def _slice(row: dict[Any, Any]) -> list[str]:
    interval = "" if pd.isna(row["pr_auc"]) else f" ({row['low']:.3f} to {row['high']:.3f})"
    return [
        f"{row['slice']}: {row['value']}" + (" (small)" if row["small"] else ""),
        f"{row['sessions']:,}",
        f"{row['purchases']:,}",
        f"{row['base_rate']:.3f}",
        _figure(row["pr_auc"]) + interval,
        _figure(row["precision"]),
        _figure(row["recall"]),
        f"{row['calibration']:+.3f}",
    ]


def _written(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _figure(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"
