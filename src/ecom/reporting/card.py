"""The model card (Mitchell et al. 2019): its figures, for the template model_card.md.j2."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, cast

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from ecom.evaluation.metrics import BREAK_EVEN_COST, COST, METRICS, MODELS
from ecom.evaluation.resampling import LEVEL
from ecom.models.candidates import CANDIDATES
from ecom.notation import markdown_table
from ecom.reporting.cells import enough_rows, metric_name, with_interval
from ecom.reporting.feature_sets import study_of, trust, uses, worth
from ecom.schema import ARRIVAL, FEATURE_SETS, GROUPS, PAGE_VALUES

if TYPE_CHECKING:
    from ecom.params.folds import Folds
    from ecom.params.split import Split
    from ecom.params.threshold import Strategy
    from ecom.results import EvaluateResults, OverTimeResults, Results

TEMPLATE: Final = "model_card.md.j2"
STRATEGIES: Final[dict["Strategy", str]] = {  # the others are said in words of their own
    "minimum_cost": "the lowest cost of errors",
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
        What the stages found, from validate to explain.
    slices, mistakes
        From `ecom.evaluation.slices`: `slice_metrics` and `confident_mistakes`.
    split, folds
        Sections of params.yaml.
    """
    evaluate, explain = metrics["evaluate"], metrics["explain"]
    chosen = {evaluate["feature_set"]: metrics["tune"]["candidate"]} | {
        name: other["candidate"] for name, other in metrics["feature_sets"]["sets"].items()
    }
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
        worth=worth(metrics),
        trust=trust(metrics),
        uses=uses(),
        study=study_of(metrics) is not None,
        candidates={name: chosen[name] for name in FEATURE_SETS if name in chosen},
        ago=_over_time(evaluate["over_time"], explain["importance"]),
        shares=_shares(metrics, folds),
        curve_rises=evaluate["learning_curve"]["gain"]["best_model"]["interval"][0] > 0,
        enough=enough_rows(evaluate["learning_curve"]),
        gain=_figure_with_interval(evaluate["learning_curve"]["gain"]["best_model"], "+.3f"),
        page_values=[
            _page_values(row)
            for row in slices.iloc[::-1].to_dict("records")
            if row["slice"] == f"{PAGE_VALUES}>0"
        ],
        page_values_share=f"{_share(explain['importance'], [PAGE_VALUES]):.0%}",
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


def _over_time(found: "OverTimeResults", importance: dict[str, float]) -> dict[str, Any]:
    """Return the tables of the months, of their costs and of groups of columns; may be empty."""
    if not found:
        return {}
    pr_auc, cost = found["pr_auc"], found["cost"]

    def money(name: str) -> str:
        return with_interval(cost, name, BREAK_EVEN_COST)

    return {
        "months": [
            [
                month["month"],
                f"{month['trained_on']:,}",
                f"{month['sessions']:,}",
                f"{month['rate_before']:.3f}",
                f"{month['rate']:.3f}",
                f"{month['mean_score']:.3f}",
                *(with_interval(month, name, "pr_auc") for name in MODELS),
                f"{month['best_model'][BREAK_EVEN_COST]:.0f}",
                f"{month['true_prior'][BREAK_EVEN_COST]:.0f}",
            ]
            for month in found["months"]
        ],
        "left_out": found["left_out"],
        "mean": {name: with_interval(pr_auc, name, "pr_auc") for name in (*MODELS, "random_split")},
        "gain": with_interval(pr_auc, "random_split_minus_best_model", "pr_auc"),
        "costs": [
            ["fitted to the months before", money("best_model")],
            ["the same, told each month's share of purchases", money("true_prior")],
            ["fitted to sessions of all months", money("random_split")],
            ["baseline, fitted to the months before", money("baseline")],
            ["flag none", money("flag_none")],
        ],
        "lost": money("best_model_minus_random_split"),
        "lost_to_prior": money("best_model_minus_true_prior"),
        "groups": [
            [
                f"{group} ({', '.join(columns)})",
                f"{_share(importance, columns):.0%}",
                with_interval(pr_auc, f"best_model_minus_without {group}", "pr_auc"),
            ]
            for group, columns in GROUPS.items()
        ],
    }


def _shares(metrics: "Results", folds: "Folds") -> list[list[str]]:
    fitted = metrics["features"]["train"]["rows"] * (1 - 1 / folds.n_splits)
    return [
        [
            f"{share['share']:.3g}",
            f"about {share['share'] * fitted:,.0f}",
            *(_figure_with_interval(share[name]) for name in MODELS),
        ]
        for share in metrics["evaluate"]["learning_curve"]["shares"]
    ]


def _figure_with_interval(found: Any, form: str = ".3f") -> str:
    low, high = found["interval"]
    return f"{found['pr_auc']:{form}} ({low:{form}} to {high:{form}})"


def _page_values(row: dict[Any, Any]) -> str:
    having = "with" if row["value"] == "yes" else "without"
    return f"{row['base_rate']:.1%} of the {row['sessions']:,} test sessions {having} page values"


def _share(importance: dict[str, float], columns: Iterable[str]) -> float:
    return sum(importance[column] for column in columns) / (sum(importance.values()) or 1)


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
