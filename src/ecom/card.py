"""The model card (Mitchell et al. 2019), written from metrics and params."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ecom.notation import COST, METRIC_NAMES, bracketed
from ecom.params import Data, Folds, Split, Temporal
from ecom.schema import FEATURE_SETS, FeatureSet

CANDIDATES = {
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
    "fixed": "a threshold given by hand",
}
REAL = (
    "Written by the stage model_card; every figure is from `metrics/`. In brackets: 95 % "
    "intervals by a stratified bootstrap of the test rows, which tell how far a figure may be off "
    "for want of test rows, not of training rows."
)
SYNTHETIC = f"**On generated sessions: these figures say nothing about real visitors.** {REAL}"
NOT_FOR = """\
- To decide on a running session with the feature set `end_of_session`: most of its columns are
  not known yet.
- To set prices, credit or access for a person: region, system and kind of visitor are in it, and
  nothing was done to make it fair between people.
- As a cause: that a column moves the score does not mean that changing it would bring a purchase
  about.
- On another shop's sessions without training anew: page values and codes mean something else
  there."""


def write_card(  # noqa: PLR0913  one for each section that it quotes
    metrics: Mapping[str, Any],
    slices: pd.DataFrame,
    *,
    data: Data,
    split: Split,
    feature_set: FeatureSet,
    folds: Folds,
    temporal: Temporal,
) -> str:
    """Return the model card as Markdown.

    Parameters
    ----------
    metrics
        Content of the metrics files by stage: clean, features, cv, tune, threshold, evaluate and
        explain.
    slices
        Of `ecom.slices.slice_metrics`.
    data, split, folds, temporal
        Sections of params.yaml.
    feature_set
        The knob ``features.set``.
    """
    evaluate = metrics["evaluate"]
    sections = {
        "Model": _model(metrics, feature_set),
        "Intended use": _intended(feature_set),
        "What it must not be used for": NOT_FOR,
        "Data": _data(metrics, data),
        "Protocol": _protocol(metrics, split, folds),
        "How good": _figures(evaluate),
        "Operating point": _operating_point(metrics["threshold"], evaluate),
        "What is known when": _feature_sets(evaluate),
        "Against time": _temporal(evaluate, temporal),
        "The PageValues question": _page_values(metrics, slices),
        "Where it fails": _slices(evaluate, slices),
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


def _model(metrics: Mapping[str, Any], feature_set: FeatureSet) -> str:
    tune = metrics["tune"]
    settings = "\n".join(
        f"- `{name}` {value:.4g}" for name, value in sorted(tune["best_params"].items())
    )
    return (
        f"`{tune['candidate']}`: {CANDIDATES[tune['candidate']]}, as one scikit-learn Pipeline "
        f"from a raw session to a probability. Feature set `{feature_set}`. Chosen by cv "
        f"(rule `{metrics['cv']['rule']}`), tuned over {tune['n_iter']} settings to\n\n{settings}"
    )


def _intended(feature_set: FeatureSet) -> str:
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


def _data(metrics: Mapping[str, Any], data: Data) -> str:
    clean, features = metrics["clean"], metrics["features"]
    if data.source == "synthetic":
        origin = f"Sessions made by `ecom.synthetic`, seed {data.synthetic.seed}."
    else:
        pinned = f"has sha256 `{data.sha256}`" if data.sha256 else "is not pinned by its content"
        origin = (
            "*Online Shoppers Purchasing Intention*, UCI 468, by C. Okan Sakar and Yomi Kastro "
            "(2018), [doi 10.24432/C5F88Q](https://doi.org/10.24432/C5F88Q), CC BY 4.0: sessions "
            f"of one shop within one year, each of another visitor. The file {pinned}."
        )
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
    return _table(
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
    table = _table(
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
    return (
        f"Scores from **{threshold['threshold']:.4f}** on are flagged ({low:.4f} to {high:.4f} "
        "when chosen on resampled rows). Chosen on out-of-fold scores of the training rows by "
        f"`{threshold['strategy']}`, {STRATEGIES[threshold['strategy']]}. A false positive costs "
        f"{costs['false_positive']:g} €, a false negative {costs['false_negative']:g} €; for "
        f"calibrated scores, the two balance at {threshold['break_even']:.4f}.\n\n{table}"
    )


def _feature_sets(evaluate: Mapping[str, Any]) -> str:
    names = {"at_arrival": "`at_arrival`", "end_of_session": "`end_of_session`"}
    return (
        f"{', '.join(FEATURE_SETS['at_arrival'])} are known with the first request of a session; "
        "every other column only when it is over. The same candidate with the same "
        f"hyperparameters, on both sets:\n\n{_brief(evaluate['feature_sets'], names)}"
    )


def _temporal(evaluate: Mapping[str, Any], temporal: Temporal) -> str:
    if "temporal" not in evaluate:
        return "No months are held out: `temporal.first_test_month` is null."
    found = evaluate["temporal"]
    months = f"{temporal.first_test_month} to Dec"
    names = {
        "earlier_baseline": f"baseline, without {months}",
        "baseline": "baseline, all months",
        "earlier_best_model": f"model, without {months}",
        "best_model": "model, all months",
    }
    lost = bracketed(found, "best_model_minus_earlier_best_model", "pr_auc")
    return (
        "A random split lets a model learn from the very months it is judged on. Here, the "
        f"{found['sessions']:,} test sessions of {months} are scored by models fitted to the "
        "training rows of the other months alone, and by those fitted to all months:\n\n"
        f"{_brief(found, names)}\n\n"
        f"To have seen those months is worth {lost} of PR-AUC on them: expect to miss that much "
        "in months to come. Hyperparameters were chosen with training rows of all months."
    )


def _page_values(metrics: Mapping[str, Any], slices: pd.DataFrame) -> str:
    rates = " and ".join(
        f"{row['base_rate']:.1%} of the {row['sessions']:,} test sessions "
        f"{'with' if row['value'] == 'yes' else 'without'} page values"
        for row in slices[slices["slice"] == "PageValues>0"].iloc[::-1].to_dict("records")
    )
    importance = metrics["explain"]["importance"]
    share = importance["PageValues"] / sum(importance.values())
    sets = metrics["evaluate"]["feature_sets"]
    return (
        f"A purchase ends {rates}. PageValues, the mean value of the pages visited, is computed "
        "by the shop's analytics from purchases, and very likely from this session's own: part of "
        f"what it tells is the answer. It has {share:.0%} of the model's attributions. Whoever "
        "must know before the purchase cannot have it, nor the other columns that are complete "
        f"only at the end: PR-AUC is then {sets['at_arrival']['pr_auc']:.3f}, not "
        f"{sets['end_of_session']['pr_auc']:.3f} (`features.set: at_arrival`)."
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
    table = _table([*headings, "mean score less base rate"], rows)
    worst = evaluate["worst_slices"]
    if not worst:
        return table
    ranking, calibration = worst["ranking"], worst["calibration"]
    return (
        f"Ranked worst: **{ranking['slice']}**, {ranking['above_chance']:.0%} of the way from "
        f"chance to perfect. Calibrated worst: **{calibration['slice']}**, where the mean score "
        f"is off by {calibration['calibration']:+.3f}. Slices marked small have too few "
        "purchases, or too few others, to be named. PR-AUC by chance is the base rate: compare it "
        "with that, not between slices. The most confident mistakes are in "
        f"`data/predictions/mistakes.csv`.\n\n{table}"
    )


def _importance(explain: Mapping[str, Any]) -> str:
    ordered = sorted(explain["importance"].items(), key=lambda item: -item[1])
    rows = [[name, f"{value:.3f}"] for name, value in ordered if value]
    return (
        f"Mean absolute contribution to the log-odds of {explain['sessions']:,} training sessions "
        "(SHAP values; what an engineered column contributes is shared by the raw columns it is "
        "made of). Pictures are in `plots/explain/`.\n\n" + _table(["column", "contribution"], rows)
    )


def _brief(found: Mapping[str, Any], names: Mapping[str, str]) -> str:
    metrics = ("pr_auc", "roc_auc", "lift_top_10")
    return _table(
        ["", *(METRIC_NAMES[metric] for metric in metrics)],
        [
            [label, *(bracketed(found, name, metric) for metric in metrics)]
            for name, label in names.items()
        ],
    )


def _figure(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(
        [
            f"| {' | '.join(headings)} |",
            f"|{'---|' * len(headings)}",
            *(f"| {' | '.join(row)} |" for row in rows),
        ]
    )
