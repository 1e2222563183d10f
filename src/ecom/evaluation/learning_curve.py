"""How the models improve with the number of sessions that they are fitted to."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from ecom.evaluation.comparison import Measurement, compare
from ecom.evaluation.counts import count_flagged
from ecom.evaluation.metrics import MODELS
from ecom.schema import TARGET

if TYPE_CHECKING:
    from ecom.params.bootstrap import Bootstrap


def judge_shares(sessions: pd.DataFrame, bootstrap: "Bootstrap") -> dict[str, Any]:
    """Judge models that were fitted to more and more sessions.

    Parameters
    ----------
    sessions
        A row for each training session, with its target; columns of scores for each of `MODELS` and
        share of the training rows, such as ``best_model 0.5``, from the smallest share on, by fits
        that did not see the session; and ``best_model_1`` by fits to all rows of the other folds.
    bootstrap
        Number of resamples, and seed.

    Returns
    -------
    dict
        ``shares``: for each share, the PR-AUC of `MODELS` with its interval. ``gain``: what the
        last step, to all sessions, adds to each model, with its interval. Intervals hold the fits
        fixed.
    """
    labels = sessions[TARGET].to_numpy()
    names = map(str, sessions)
    written = [name.partition(" ")[2] for name in names if name.startswith("best_model ")]
    columns = {share: f" {share}" for share in written} | {"1": "_1"}

    def model(column: str) -> Measurement:
        scores = sessions[column].to_numpy()
        return lambda weights: {"pr_auc": count_flagged(labels, scores, weights).pr_auc}

    found = compare(
        labels,
        {f"{name} {share}": model(name + end) for name in MODELS for share, end in columns.items()},
        {name: (f"{name} 1", f"{name} {written[-1]}") for name in MODELS},
        bootstrap,
    )

    def figure(name: str) -> dict[str, Any]:
        return {**found[name], "interval": found["intervals"][name]["pr_auc"]}

    return {
        "shares": [
            {"share": float(share), **{name: figure(f"{name} {share}") for name in MODELS}}
            for share in columns
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
