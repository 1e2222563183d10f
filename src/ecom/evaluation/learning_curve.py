"""How the models improve with the number of sessions that they are fitted to."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ecom.evaluation.comparison import Measurement, compare
from ecom.evaluation.counts import Floats, count_flagged
from ecom.evaluation.metrics import MODELS
from ecom.evaluation.saturation import rows_enough
from ecom.schema import TARGET

if TYPE_CHECKING:
    from ecom.params.bootstrap import Bootstrap


def judge_shares(sessions: pd.DataFrame, bootstrap: "Bootstrap", *, worth: float) -> dict[str, Any]:
    """Judge models that were fitted to more and more sessions.

    Parameters
    ----------
    sessions
        A row for each training session, with its target and its ``fold``; columns of scores for
        each of `MODELS` and share of the rows of the other folds, such as ``best_model 0.5``, from
        the smallest share on to all of them, ``best_model 1.0``, by fits that did not see the
        session.
    bootstrap
        Number of resamples, and seed.
    worth
        The smallest gain in PR-AUC that is worth twice the sessions.

    Returns
    -------
    dict
        ``shares``: for each share, the PR-AUC of `MODELS` with its interval. ``gain``: what the
        last step, to all sessions, adds to each model, with its interval. ``enough``: the
        ``rows`` from which on twice as many add less than ``worth`` to the best model, with their
        interval, by `rows_enough`; beyond those at hand, it is extrapolated. Intervals hold the
        fits fixed.
    """
    labels = sessions[TARGET].to_numpy()
    names = map(str, sessions)
    shares = [name.partition(" ")[2] for name in names if name.startswith("best_model ")]

    def model(column: str) -> Measurement:
        scores = sessions[column].to_numpy()
        return lambda weights: {"pr_auc": count_flagged(labels, scores, weights).pr_auc}

    found = compare(
        labels,
        {(column := f"{name} {share}"): model(column) for name in MODELS for share in shares},
        {name: (f"{name} {shares[-1]}", f"{name} {shares[-2]}") for name in MODELS},
        bootstrap,
    )

    def figure(name: str) -> dict[str, Any]:
        return {**found[name], "interval": found["intervals"][name]["pr_auc"]}

    rows = len(sessions) * (1 - 1 / sessions["fold"].nunique())  # in the mean of the folds
    fitted = [rows * float(share) for share in shares]

    def enough(weights: Floats) -> dict[str, Floats]:
        values = [model(f"best_model {share}")(weights)["pr_auc"] for share in shares]
        return {"rows": rows_enough(fitted, np.stack(values, axis=1), worth)}

    wanted = compare(labels, {"enough": enough}, {}, bootstrap)
    return {
        "enough": {
            "rows": round(wanted["enough"]["rows"]),
            "interval": [round(bound) for bound in wanted["intervals"]["enough"]["rows"]],
            "rows_here": round(rows),
            "worth": worth,
        },
        "shares": [
            {"share": float(share), **{name: figure(f"{name} {share}") for name in MODELS}}
            for share in shares
        ],
        "gain": {name: figure(name) for name in MODELS},
    }


def shares_table(found: dict[str, Any]) -> pd.DataFrame:
    """Return the PR-AUC of each model and share, with its interval from ``low`` to ``high``."""
    return pd.DataFrame(
        [
            {
                "model": name,
                "share": point["share"],
                "pr_auc": point[name]["pr_auc"],
                **dict(zip(("low", "high"), point[name]["interval"], strict=True)),
            }
            for name in MODELS
            for point in found["shares"]
        ]
    )
