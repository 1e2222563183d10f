"""The model card (Mitchell et al. 2019), written from metrics and params."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ecom.notation import COST, METRIC_NAMES, bracketed, markdown_table
from ecom.params import Folds, Split
from ecom.schema import FEATURE_SETS, MONTHS

DESCRIPTIONS = {
    "logistic": "a logistic regression on the raw and three engineered columns",
    "logistic_interactions": (
        "a logistic regression on logarithms, flags and their products with whether the session "
        "has page values"
    ),
    "hist_gradient_boosting": "gradient-boosted trees on the raw columns and ratios of them",
    "average": (
        "the mean, on the log-odds, of a logistic regression with interactions and of "
        "gradient-boosted trees"
    ),
}
STRATEGIES = {
    "minimum_cost": "the least expected cost of errors",
    "quota": "the share of sessions that can be acted on",
    "target_precision": "a target precision",
    "target_recall": "a target recall",
}
# Of the file as UCI publishes it, with LF line ends.
PUBLISHED = "d8e130ba51532985f93281a73ce299e6ce150cb915769a7962a11e595eadd6a1"
SHOWN = (
    "row", "actual", "score", "Month", "VisitorType", "PageValues", "ProductRelated",
    "ProductRelated_Duration", "ExitRates",
)  # fmt: skip
LISTED = 5  # mistakes of each kind
NOISE = 3  # standard errors that the worst of some twenty slices seldom exceeds by chance
REAL = (
    "Written by the stage model_card: every figure is computed by the pipeline. In brackets: 95 % "
    "intervals by a bootstrap of the sessions judged, stratified, so with the number of purchases "
    "as it is; figures that the number of purchases decides have none. They tell how far a figure "
    "may be off for want of test rows, not of training rows; those of the calibration error lie "
    "too high, as resampling adds to it."
)
SYNTHETIC = f"**On generated sessions: these figures say nothing about real visitors.** {REAL}"
NOT_FOR = """\
- To decide on a running session with the feature set `end_of_session`: most of its columns are
  not known yet.
- To set prices, credit or access for a person: region, system and kind of visitor are in it, and
  nothing was done to make it fair between people.
- To infer causes: that a column moves the score does not mean that changing it would bring a
  purchase about.
- On another shop's sessions without training anew: page values and codes mean something else
  there."""


def write_card(
    metrics: Mapping[str, Any],
    slices: pd.DataFrame,
    mistakes: pd.DataFrame,
    *,
    split: Split,
    folds: Folds,
) -> str:
    """Return the model card as Markdown.

    Parameters
    ----------
    metrics
        Content of the metrics files by stage: validate, clean, features, cv, tune, threshold,
        evaluate and explain.
    slices, mistakes
        Of `ecom.slices.slice_metrics` and `ecom.slices.confident_mistakes`.
    split, folds
        Sections of params.yaml.
    """
    evaluate = metrics["evaluate"]
    sections = {
        "Model": _model(metrics),
        "Intended use": _intended(evaluate["feature_set"]),
        "What it must not be used for": NOT_FOR,
        "Data": _data(metrics),
        "Protocol": _protocol(metrics, split, folds),
        "How good": _figures(evaluate),
        "Operating point": _operating_point(metrics["threshold"], evaluate),
        "What is known when": _feature_sets(evaluate),
        "Against time": _temporal(evaluate),
        "The PageValues question": _page_values(metrics, slices),
        "Where it fails": _slices(evaluate, slices),
        "Its most confident mistakes": _mistakes(mistakes),
        "Why it says what it says": _importance(metrics["explain"]),
    }
    return "\n\n".join(
        [
            "# Model card: will this session end in a purchase?",
            SYNTHETIC if evaluate["data"] == "synthetic" else REAL,
            *(f"## {heading}\n\n{text}" for heading, text in sections.items()),
            "",
        ]
    ).removesuffix("\n")


def _model(metrics: Mapping[str, Any]) -> str:
    tune, cv = metrics["tune"], metrics["cv"]
    settings = "\n".join(
        f"- `{name}` {value:.4g}" for name, value in sorted(tune["best_params"].items())
    )
    verdict = "" if cv["beats_baseline"] else " In cross-validation it does not beat the baseline."
    return (
        f"`{tune['candidate']}`: {DESCRIPTIONS[tune['candidate']]}, as one scikit-learn Pipeline "
        f"from a raw session to a probability. Feature set `{metrics['evaluate']['feature_set']}`. "
        f"Chosen by cv (rule `{cv['rule']}`).{verdict} Tuned over {tune['n_iter']} settings to"
        f"\n\n{settings}"
    )


def _intended(feature_set: str) -> str:
    moment = {
        "end_of_session": "once it is over, or nearly so",
        "at_arrival": "with its first request",
    }[feature_set]
    return (
        "To rank or flag sessions of an online shop by their probability of a purchase, each "
        f"{moment}: to analyse what brings purchases about, to choose whom to write to "
        "afterwards, to size an action by its cost. For shops and months like those of the data; "
        "elsewhere, train it on sessions of your own."
    )


def _data(metrics: Mapping[str, Any]) -> str:
    clean, features, sha256 = metrics["clean"], metrics["features"], metrics["validate"]["sha256"]
    if clean["data"] == "synthetic":
        origin = f"Sessions made by `ecom.synthetic` (sha256 `{sha256}`)."
    elif sha256 == PUBLISHED:
        origin = (
            "*Online Shoppers Purchasing Intention*, UCI 468, by C. Okan Sakar and Yomi Kastro "
            "(2018), [doi 10.24432/C5F88Q](https://doi.org/10.24432/C5F88Q), CC BY 4.0: sessions "
            f"of one shop within one year, each of another visitor (sha256 `{sha256}`)."
        )
    else:
        origin = f"Sessions of your own (sha256 `{sha256}`)."
    return (
        f"{origin} {clean['rows_in']:,} rows, {clean['duplicates_dropped']:,} duplicates dropped; "
        f"{features['test']['positive_rate']:.1%} of the test sessions end in a purchase."
    )


def _protocol(metrics: Mapping[str, Any], split: Split, folds: Folds) -> str:
    features = metrics["features"]
    return (
        f"{features['train']['rows']:,} rows to train on, {features['test']['rows']:,} to test, "
        f"stratified (seed {split.seed}). Candidate, hyperparameters and threshold are chosen on "
        f"training rows alone, by {folds.n_splits} stratified folds (seed {folds.seed}); the test "
        "rows are read once, afterwards. The baseline is a logistic regression as in the brief; "
        "its threshold is chosen as the model's is."
    )


def _figures(evaluate: Mapping[str, Any]) -> str:
    columns = {
        "baseline": "baseline",
        "best_model": "model",
        "best_model_minus_baseline": "difference, paired",
    }
    return markdown_table(
        ["on the test rows", *columns.values()],
        [
            [name, *(bracketed(evaluate, column, metric) for column in columns)]
            for metric, name in METRIC_NAMES.items()
        ],
    )


def _operating_point(threshold: Mapping[str, Any], evaluate: Mapping[str, Any]) -> str:
    costs = threshold["costs"]
    low, high = threshold["intervals"]["threshold"]
    saved = {
        "flag_none": "saved_against_flag_none",
        "flag_all": "saved_against_flag_all",
        "baseline": "saved_against_baseline",
    }
    table = markdown_table(
        ["policy, on the test rows", "€ per 1,000 sessions", "saved by the model"],
        [
            *(
                [
                    policy.replace("_", " "),
                    bracketed(evaluate, policy, COST),
                    bracketed(evaluate, by, COST),
                ]
                for policy, by in saved.items()
            ),
            ["model", bracketed(evaluate, "best_model", COST), ""],
        ],
    )
    flagged = (
        f"Scores from **{threshold['threshold']:.4f}** on are flagged."
        if threshold["threshold"] <= 1
        else "**No session is flagged.**"
    )
    chosen = (
        "Given by hand (`fixed`)."
        if threshold["strategy"] == "fixed"
        else f"Chosen by `{threshold['strategy']}`, {STRATEGIES[threshold['strategy']]}, on "
        f"out-of-fold scores of the training rows; {low:.4f} to {high:.4f} when chosen on "
        "resamples of them."
    )
    return (
        f"{flagged} {chosen} A false positive costs "
        f" {costs['false_positive']:g} €, a false negative {costs['false_negative']:g} €; for "
        f"calibrated scores, the two balance at {threshold['break_even']:.4f}.\n\n{table}"
    )


def _feature_sets(evaluate: Mapping[str, Any]) -> str:
    names = {"at_arrival": "`at_arrival`", "end_of_session": "`end_of_session`"}
    return (
        f"{', '.join(FEATURE_SETS['at_arrival'])} are known with the first request of a session; "
        "every other column only when it is over. The same candidate with the same "
        "hyperparameters, which were tuned for the set in use, on both sets:\n\n"
        f"{_brief(evaluate['feature_sets'], names)}"
    )


def _temporal(evaluate: Mapping[str, Any]) -> str:
    if "temporal" not in evaluate:
        return "No months are held out: `temporal.first_test_month` is null."
    found = evaluate["temporal"]
    months = " and ".join(dict.fromkeys([found["first_test_month"], MONTHS[-1]]))
    columns = {"baseline": "baseline", "best_model": "model"}
    metrics = ("pr_auc", "roc_auc", "expected_calibration_error", "precision", "recall", COST)
    table = markdown_table(
        [f"on {months}, trained on the months before", *columns.values()],
        [
            [METRIC_NAMES[metric], *(bracketed(found, name, metric) for name in columns)]
            for metric in metrics
        ],
    )
    here = found["on_test_rows"]
    worth = bracketed(here, "best_model_minus_earlier_best_model", "pr_auc")
    return (
        "A random split lets a model learn from the very months that it is judged on. Trained on "
        f"the training rows of the months before, and judged on all {found['sessions']:,} sessions "
        f"of {months} at the thresholds above, baseline and model give:\n\n{table}\n\n"
        f"On the {here['sessions']:,} test rows among them, to have seen other sessions of those "
        f"months is worth {worth} of the model's PR-AUC. One year and one turn of it: no more is "
        "known of how the model ages. Hyperparameters and thresholds were chosen with training "
        "rows of all months."
    )


def _page_values(metrics: Mapping[str, Any], slices: pd.DataFrame) -> str:
    rates = " and ".join(
        f"{row['base_rate']:.1%} of the {row['sessions']:,} test sessions "
        f"{'with' if row['value'] == 'yes' else 'without'} page values"
        for row in slices[slices["slice"] == "PageValues>0"].iloc[::-1].to_dict("records")
    )
    importance = metrics["explain"]["importance"]
    total = sum(importance.values())
    used = (
        f"It has {importance['PageValues'] / total:.0%} of the model's attributions (by the "
        "convention of the last section)."
        if importance["PageValues"]
        else "The model makes no use of it."
    )
    sets = metrics["evaluate"]["feature_sets"]
    return (
        f"{rates} end in a purchase. PageValues, the mean value of the pages visited, is computed "
        "by the shop's analytics from purchases, and very likely from this session's own: part of "
        f"what it tells is the answer. {used} Whoever must know before the purchase cannot have "
        "it, nor the other columns that are complete only at the end. Without all of them, PR-AUC "
        f"is {sets['at_arrival']['pr_auc']:.3f}, not {sets['end_of_session']['pr_auc']:.3f}: set "
        "`features.set: at_arrival`."
    )


def _slices(evaluate: Mapping[str, Any], slices: pd.DataFrame) -> str:
    rows = [
        [
            f"{row['slice']}: {row['value']}" + (" (small)" if row["small"] else ""),
            f"{row['sessions']:,}",
            f"{row['purchases']:,}",
            f"{row['base_rate']:.3f}",
            _figure(row["pr_auc"])
            + ("" if pd.isna(row["pr_auc"]) else f" ({row['low']:.3f} to {row['high']:.3f})"),
            _figure(row["precision"]),
            _figure(row["recall"]),
            f"{row['calibration']:+.3f}",
        ]
        for row in slices.to_dict("records")
    ]
    headings = ["slice", "sessions", "purchases", "base rate", "PR-AUC", "precision", "recall"]
    table = markdown_table([*headings, "mean score less base rate"], rows)
    worst = evaluate["worst_slices"]
    if not worst:
        return f"Every slice has too few purchases, or too few others, to be named.\n\n{table}"
    ranking, calibration = worst["ranking"], worst["calibration"]
    beyond = "" if abs(calibration["calibration_z"]) > NOISE else ", so none beyond noise"
    return (
        f"Ranked worst: **{ranking['slice']}**, {ranking['above_chance']:.0%} of the way from "
        f"chance to perfect. Worst calibrated: **{calibration['slice']}**, where the mean score is "
        f"off by {calibration['calibration']:+.3f}, {calibration['calibration_z']:+.1f} standard "
        f"errors{beyond}. Slices marked small have too few purchases, or too few others, to be "
        "named. PR-AUC by chance is the base rate: compare it with that, not between slices."
        f"\n\n{table}"
    )


def _mistakes(mistakes: pd.DataFrame) -> str:
    shown = mistakes.groupby("actual", sort=False).head(LISTED)
    rows = [[_written(row[name]) for name in SHOWN] for row in shown.to_dict("records")]
    return (
        f"The {LISTED} sessions without a purchase that score highest, and the {LISTED} with one "
        "that score lowest; more of them, with every column, in `data/predictions/mistakes.csv`."
        "\n\n" + markdown_table(SHOWN, rows)
    )


def _written(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _importance(explain: Mapping[str, Any]) -> str:
    ordered = sorted(explain["importance"].items(), key=lambda item: -item[1])
    rows = [[name, f"{value:.3f}"] for name, value in ordered if value]
    return (
        f"Mean absolute contribution to the log-odds of {explain['sessions']:,} training sessions "
        "(SHAP values; what an engineered column contributes is shared by the raw columns that it "
        "is made of, by a convention: docs/decisions/0006-explanation.md). Pictures are in "
        "`plots/explain/`.\n\n" + markdown_table(["column", "contribution"], rows)
    )


def _brief(found: Mapping[str, Any], names: Mapping[str, str]) -> str:
    metrics = ("pr_auc", "roc_auc", "lift_top_10")
    return markdown_table(
        ["", *(METRIC_NAMES[metric] for metric in metrics)],
        [
            [label, *(bracketed(found, name, metric) for metric in metrics)]
            for name, label in names.items()
        ],
    )


def _figure(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"
