"""The model as MLflow ships it: it takes sessions as pandas reads them, and answers for a shop."""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

from ecom.data.validation import typed_sessions
from ecom.serving.package import Package, open_package


class PurchaseModel(PythonModel):
    """The package, for ``mlflow.pyfunc``: nothing is unpickled to load it."""

    def load_context(self, context: Any) -> None:
        """Open the package.

        Raises
        ------
        PackageError
            It is not what it was when it was made.
        """
        (folder,) = context.artifacts.values()
        self.package: Package = open_package(Path(folder))

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
        columns = [column.name for column in self.package.manifest.columns]
        sessions = typed_sessions(model_input, columns)
        answers = self.package.scorer.answer({name: sessions[name].to_numpy() for name in columns})
        return pd.DataFrame(
            {"probability": answers.probability, "decision": answers.flagged},
            index=sessions.index,
        )


set_model(PurchaseModel())  # MLflow runs this module to load the model
