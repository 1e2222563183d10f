"""The model as MLflow ships it: it takes sessions as pandas reads them, and answers for a shop."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel

from ecom.data.validation import typed_sessions

if TYPE_CHECKING:
    from collections.abc import Sequence


class PurchaseModel(PythonModel):
    """The tuned model with its threshold, for ``mlflow.pyfunc``.

    Parameters
    ----------
    model
        Fitted Pipeline that takes raw sessions.
    columns
        The raw columns that it needs; a session may have others.
    threshold
        Scores of at least this are flagged.
    """

    def __init__(self, model: Any, columns: "Sequence[str]", threshold: float) -> None:
        self.model = model
        self.columns = tuple(columns)
        self.threshold = threshold

    def predict(
        self,
        context: Any,  # noqa: ARG002  MLflow's own interface, as is the next
        model_input: pd.DataFrame,
        params: Any = None,  # noqa: ARG002
    ) -> pd.DataFrame:
        """Score sessions.

        Parameters
        ----------
        context
            Ignored.
        model_input : DataFrame of shape (n, ...)
            Raw sessions, for example ``pandas.read_csv`` of the raw file.
        params
            Ignored.

        Returns
        -------
        DataFrame of shape (n, 2)
            ``probability`` of a purchase; ``decision``, whether it reaches the threshold.

        Raises
        ------
        DataError
            A column is missing, or a value is not what `ecom.schema` allows; the message names the
            columns, the rules, and the first rows that break them.
        """
        sessions = typed_sessions(model_input, self.columns)
        probability = self.model.predict_proba(sessions)[:, 1] if len(sessions) else np.empty(0)
        return pd.DataFrame(
            {"probability": probability, "decision": probability >= self.threshold},
            index=sessions.index,
        )
