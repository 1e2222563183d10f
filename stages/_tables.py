"""How stages read and write tables: Parquet or CSV, by the ending of the path."""

from _stage import DECIMALS, Stage

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ecom.schema import FEATURES, TARGET

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike


def read_table(stage: Stage, path: str) -> "pd.DataFrame":
    """Read a table.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    import pandas as pd

    # Opened here, since Arrow takes every path for UTF-8, whatever the locale says.
    with stage.readable(path) as file, file.open("rb") as opened:
        return pd.read_parquet(opened) if path.endswith(".parquet") else pd.read_csv(opened)


def read_features(stage: Stage, path: str) -> "tuple[pd.DataFrame, pd.Series[int]]":
    """Read raw sessions and their labels from an output of the features stage.

    Their index is the row's number in the clean data.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    sessions = read_table(stage, path).set_index("row")
    return sessions[list(FEATURES)], sessions[TARGET]


def write_table(stage: Stage, path: str, table: "pd.DataFrame") -> None:
    """Write a frame without its index."""
    with stage.out(path) as temporary:
        if path.endswith(".parquet"):
            with temporary.open("wb") as opened:
                table.to_parquet(opened, index=False)
        else:
            table.to_csv(temporary, index=False, lineterminator="\n")


def write_plot(stage: Stage, path: str, table: "pd.DataFrame") -> None:
    """Write the table behind a plot, rounded."""
    write_table(stage, path, table.round(DECIMALS))


def write_predictions(
    stage: Stage,
    path: str,
    sessions: "pd.DataFrame",
    labels: "pd.Series[int]",
    scores: "Mapping[str, ArrayLike]",
) -> None:
    """Write scores by name, beside each row's number in the clean data and its label."""
    import pandas as pd

    table = pd.DataFrame({"row": sessions.index, TARGET: labels.to_numpy(), **scores})
    write_table(stage, path, table)
