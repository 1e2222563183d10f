"""The hold-out in time: models that saw only the months before, on the months that follow."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ecom.comparison import compare_models, compare_scores
from ecom.errors import DataError
from ecom.params import Bootstrap, Costs
from ecom.resampling import Floats

MODELS = ("baseline", "best_model")


def earlier(name: str) -> str:
    """Return the name of a model's refit to the months before the test months."""
    return f"earlier_{name}"


def rows_before(
    months: "pd.Series[str]", labels: "pd.Series[int]", test_months: Sequence[str]
) -> "pd.Series[bool]":
    """Return which training rows are not of the test months.

    Raises
    ------
    DataError
        They are not of both classes.
    """
    before = ~months.isin(test_months)
    _require_both_classes(
        labels[before], f"before temporal.first_test_month {test_months[0]}", "training"
    )
    return before


def _require_both_classes(labels: "pd.Series[int]", when: str, kind: str) -> None:
    sessions, purchases = len(labels), int(labels.sum())
    if not 0 < purchases < sessions:
        raise DataError(
            f"{when} there are {sessions:,} {kind} rows, {purchases:,} of them purchases: expected "
            "both classes. Name another month, or null for no hold-out in time"
        )


def judge_over_time(  # noqa: PLR0913  all of what a hold-out in time is
    train: "tuple[pd.Series[int], pd.Series[str], Mapping[str, Floats]]",
    test: "tuple[pd.Series[int], pd.Series[str], Mapping[str, Floats]]",
    test_months: Sequence[str],
    *,
    thresholds: Mapping[str, float],
    costs: Costs,
    bins: int,
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Judge the refits to earlier months on every session of the test months.

    Parameters
    ----------
    train, test
        Labels, months and scores by model of the training and the test rows. Scores are those of
        the `earlier` models, which saw no session of the test months; of the test rows also those
        of the `MODELS` that did see such sessions, among the training rows.
    test_months
        At least one.
    thresholds, costs, bins, bootstrap
        As of `ecom.comparison.compare_models`.

    Returns
    -------
    dict
        As of `compare_models`, for the earlier models under the names `MODELS`; the
        ``first_test_month``; the number of ``sessions`` and ``purchases``; and ``on_test_rows``,
        the `compare_scores` of each model with its earlier refit, paired, on the test rows of
        the test months.

    Raises
    ------
    DataError
        The test rows of these months are not of both classes.
    """
    parts = [
        (labels, months.isin(test_months).to_numpy(), of) for labels, months, of in (train, test)
    ]
    test_labels, here, test_scores = parts[1]
    here_labels = test_labels[here]
    _require_both_classes(
        here_labels, f"from temporal.first_test_month {test_months[0]} on", "test"
    )
    labels = np.concatenate([labels[late] for labels, late, _ in parts])
    scores = {
        name: np.concatenate([of[earlier(name)][late] for _, late, of in parts]) for name in MODELS
    }
    return {
        "first_test_month": test_months[0],
        "sessions": len(labels),
        "purchases": int(labels.sum()),
        **compare_models(labels, scores, thresholds, costs=costs, bins=bins, bootstrap=bootstrap),
        "on_test_rows": {
            "sessions": len(here_labels),
            "purchases": int(here_labels.sum()),
            **compare_scores(
                here_labels,
                {name: of_model[here] for name, of_model in test_scores.items()},
                {f"{name}_minus_{earlier(name)}": (name, earlier(name)) for name in MODELS},
                bins=bins,
                bootstrap=bootstrap,
            ),
        },
    }
