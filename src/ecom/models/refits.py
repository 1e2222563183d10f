"""Refits of the tuned model: on the other feature set, and without the last months."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline

from ecom.evaluation.periods import earlier, rows_before
from ecom.models.pipelines import build_pipeline
from ecom.models.rounding import round_parameters
from ecom.schema import FEATURE_SETS, FeatureSet


def refit(
    sessions: pd.DataFrame,
    labels: "pd.Series[int]",
    settings: Mapping[str, Mapping[str, Any]],
    *,
    feature_set: FeatureSet,
    test_months: Sequence[str],
) -> dict[str, Pipeline]:
    """Fit the models that show what the feature set and the split in time are worth.

    Parameters
    ----------
    sessions, labels
        Training rows and their target.
    settings
        Arguments of `build_pipeline`, for ``baseline`` and ``best_model``.
    feature_set
        The one in use.
    test_months
        Months of the hold-out in time; empty for none.

    Returns
    -------
    dict
        The best model fitted on the other feature set, under that set's name; and, if there are
        test months, both models fitted to the rows before them, under their `earlier` names.

    Raises
    ------
    DataError
        The rows before the test months are not of both classes.
    """
    other = next(name for name in FEATURE_SETS if name != feature_set)
    best = build_pipeline(**settings["best_model"], feature_set=other)
    refits: dict[str, Pipeline] = {other: round_parameters(best.fit(sessions, labels))}
    if test_months:
        before = rows_before(sessions["Month"], labels, test_months)
        for name, arguments in settings.items():
            pipeline = build_pipeline(**arguments, feature_set=feature_set)
            refits[earlier(name)] = round_parameters(pipeline.fit(sessions[before], labels[before]))
    return refits
