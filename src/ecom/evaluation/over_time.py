"""How models do in months that they were not fitted to: month after month, and all in all."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from ecom.evaluation.comparison import Measurement, compare
from ecom.evaluation.counts import Floats, count_flagged
from ecom.evaluation.metrics import BREAK_EVEN_COST, MODELS, Sample, measure
from ecom.evaluation.thresholds import trivial_costs
from ecom.schema import FEATURE_SETS, GROUPS, TARGET

if TYPE_CHECKING:
    from ecom.params.bootstrap import Bootstrap
    from ecom.params.threshold import Costs
    from ecom.schema import FeatureSet

RANDOM: Final = "random_split"  # the best model, fitted to sessions of all months
TRUE_PRIOR: Final = "true_prior"  # the best model, told each month's share of purchases
NONE: Final = "flag_none"
LEAST_PURCHASES: Final = 10  # of a month, and other sessions, for its ranking to mean anything
MONTHLY: Final = ("pr_auc", "roc_auc", BREAK_EVEN_COST)


def adjust_to_prior(scores: Floats, fitted: float, true: float) -> Floats:
    """Return the probabilities that a model would give if purchases were as frequent as they are.

    Parameters
    ----------
    scores : array of shape (n,)
        Probabilities by a model of sessions of which a share `fitted` were purchases.
    fitted, true
        Share of purchases among the sessions that the model was fitted to, and among these.

    Notes
    -----
    By Bayes' rule, if purchases and other sessions look as they did and only their shares changed
    (Saerens, Latinne and Decaestecker 2002, equation 2.4).

    Examples
    --------
    >>> adjust_to_prior(np.array([0.5]), fitted=0.5, true=0.2)
    array([0.2])
    """
    purchase = scores * (true / fitted)
    other = (1 - scores) * ((1 - true) / (1 - fitted))
    adjusted: Floats = purchase / (purchase + other)
    return adjusted


def judge_over_time(
    sessions: pd.DataFrame, in_use: "FeatureSet", costs: "Costs", bootstrap: "Bootstrap"
) -> dict[str, Any]:
    """Judge scores of sessions by models that were fitted to the months before each.

    Parameters
    ----------
    sessions
        A row for each training session, with its ``period`` (a month), the ``place`` of the period
        in time, and its target; columns of scores for
        `MODELS`, for `RANDOM`, for the model of each other feature set, and under the name of each
        of `ecom.schema.GROUPS` those of the best model without these columns. The scores are
        missing where a month is not judged.
    in_use
        The feature set of the best model.
    costs
        Costs of an error.
    bootstrap
        Number of resamples, and seed.

    Returns
    -------
    dict
        ``months``: for each month, the number of its sessions and of those before it, both shares
        of purchases, the mean score, and the metrics `MONTHLY` of `MODELS`, with their difference
        and intervals. ``left_out``: months with too few purchases to be judged. ``pr_auc``: the
        mean over the months, of each model and feature set, of `RANDOM` and without each group, and
        differences. ``cost``: at the break-even threshold, over all sessions of these months: of
        the same, of the best model with each month's `TRUE_PRIOR`, and of flagging none, which each
        feature set is held against. Nothing at all if no month can be judged.

    Notes
    -----
    The true share of purchases of a month is taken from the sessions that are judged, and held
    fixed in resamples: it tells what a shift costs, not what can be won back beforehand.
    """
    months, left_out, parts = [], [], []
    for place, in_month in sessions.groupby("place"):
        month = str(in_month["period"].iloc[0])
        own = in_month[in_month["best_model"].notna()]
        purchases = int(own[TARGET].sum())
        if own.empty:
            continue
        if min(purchases, len(own) - purchases) < LEAST_PURCHASES:
            left_out.append(month)
            continue
        before = sessions.loc[sessions["place"] < place, TARGET]
        rates = {"rate_before": float(before.mean()), "rate": float(own[TARGET].mean())}
        told = adjust_to_prior(own["best_model"].to_numpy(), rates["rate_before"], rates["rate"])
        own = own.assign(**{TRUE_PRIOR: told})
        parts.append(own)
        months.append(
            {
                "month": month,
                "trained_on": len(before),
                "sessions": len(own),
                "purchases": purchases,
                **rates,
                "mean_score": float(own["best_model"].mean()),
                **compare(
                    own[TARGET],
                    {name: _measured(MONTHLY, own, name, costs) for name in (*MODELS, TRUE_PRIOR)},
                    {"best_model_minus_baseline": ("best_model", "baseline")},
                    bootstrap,
                ),
            }
        )
    if not parts:
        return {}
    judged = pd.concat(parts).assign(**{in_use: lambda table: table["best_model"]})
    sets = [name for name in FEATURE_SETS if name in judged]
    ends = pairwise(np.cumsum([0, *(len(own) for own in parts)]))
    spans = [slice(begin, end) for begin, end in ends]
    return {
        "months": months,
        "left_out": left_out,
        "pr_auc": compare(
            judged[TARGET],
            {
                name: _mean_over(spans, judged, column)
                for name, column in (
                    *((name, name) for name in (*MODELS, RANDOM, *sets)),
                    *((f"without {group}", group) for group in GROUPS),
                )
            },
            {
                "best_model_minus_baseline": ("best_model", "baseline"),
                f"{RANDOM}_minus_best_model": (RANDOM, "best_model"),
                **{
                    f"best_model_minus_without {group}": ("best_model", f"without {group}")
                    for group in GROUPS
                },
            },
            bootstrap,
        ),
        "cost": compare(
            judged[TARGET],
            {
                **{
                    name: _measured((BREAK_EVEN_COST,), judged, name, costs)
                    for name in (*MODELS, RANDOM, TRUE_PRIOR, *sets)
                },
                NONE: _flag_none(judged, costs),
            },
            {
                f"best_model_minus_{TRUE_PRIOR}": ("best_model", TRUE_PRIOR),
                f"best_model_minus_{RANDOM}": ("best_model", RANDOM),
                **{f"saved_by_{name}": (NONE, name) for name in sets},
            },
            bootstrap,
        ),
    }


def months_table(found: dict[str, Any]) -> pd.DataFrame:
    """Return a row for each model and month: its PR-AUC with an interval, and the base rate."""
    columns = ["model", "month", "sessions", "purchases", "rate", "pr_auc", "low", "high"]
    rows = [
        {
            "model": name,
            **{key: month[key] for key in columns[1:5]},
            "pr_auc": month[name]["pr_auc"],
            **dict(zip(("low", "high"), month["intervals"][name]["pr_auc"], strict=True)),
        }
        for name in MODELS
        for month in found.get("months", ())
    ]
    return pd.DataFrame(rows, columns=columns)


def _measured(
    metrics: Sequence[str], sessions: pd.DataFrame, column: str, costs: "Costs"
) -> Measurement:
    labels, scores = sessions[TARGET].to_numpy(), sessions[column].to_numpy()
    return lambda weights: measure(Sample.of_scores(labels, scores, weights, costs=costs), metrics)


def _flag_none(sessions: pd.DataFrame, costs: "Costs") -> Measurement:
    labels, scores = sessions[TARGET].to_numpy(), sessions["best_model"].to_numpy()
    return lambda weights: {
        BREAK_EVEN_COST: trivial_costs(count_flagged(labels, scores, weights), costs)[NONE]
    }


def _mean_over(spans: Sequence[slice], sessions: pd.DataFrame, column: str) -> Measurement:
    """Return what measures the mean of the months' PR-AUC, each month counting the same."""
    labels, scores = sessions[TARGET].to_numpy(), sessions[column].to_numpy()

    def measured(weights: Floats) -> dict[str, Floats]:
        by_month = [
            count_flagged(labels[span], scores[span], weights[:, span]).pr_auc for span in spans
        ]
        return {"pr_auc": np.nanmean(by_month, axis=0)}  # a resample may lack a month's purchases

    return measured
