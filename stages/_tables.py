"""How stages read and write tables: Parquet or CSV, by the ending of the path."""

from _stage import DECIMALS, Stage

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ecom.schema import FEATURES, TARGET

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

ROWS = 1 << 16  # of CSV that are read at a time
GROUP = 1 << 17  # rows of a group of Parquet


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


def read_chunks(stage: Stage, path: str) -> "Iterator[pd.DataFrame]":
    """Read a CSV file, some rows at a time.

    Raises
    ------
    DataError
        The file is missing or damaged.
    """
    import pandas as pd

    with (
        stage.readable(path) as file,
        file.open("rb") as opened,
        pd.read_csv(opened, chunksize=ROWS) as chunks,
    ):
        yield from chunks


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
                table.to_parquet(opened, index=False, row_group_size=GROUP)
        else:
            table.to_csv(temporary, index=False, lineterminator="\n")


def in_groups(rows: "NDArray[np.int64]") -> "list[NDArray[np.int64]]":
    """Return rows in groups such as Parquet files have; at least one."""
    return [rows[begin : begin + GROUP] for begin in range(0, max(len(rows), 1), GROUP)]


@contextmanager
def writer(stage: Stage, path: str) -> "Iterator[Callable[[pd.DataFrame], None]]":
    """Yield what writes some rows of a table, after those before, without their index.

    The file is that of `write_table` if groups of Parquet come as `in_groups` makes them.
    """
    with stage.out(path) as temporary:
        if path.endswith(".parquet"):
            with _parquet_writer(temporary) as write:
                yield write
            return
        with temporary.open("w", encoding="utf-8", newline="") as opened:
            yield lambda rows: rows.to_csv(
                opened, index=False, lineterminator="\n", header=opened.tell() == 0
            )


@contextmanager
def _parquet_writer(path: Path) -> "Iterator[Callable[[pd.DataFrame], None]]":
    import pyarrow as pa
    from pyarrow import parquet

    with ExitStack() as stack:
        opened = stack.enter_context(path.open("wb"))
        begun: list[parquet.ParquetWriter] = []

        def write(rows: "pd.DataFrame") -> None:
            table = pa.Table.from_pandas(rows, preserve_index=False)
            if not begun:
                begun.append(stack.enter_context(parquet.ParquetWriter(opened, table.schema)))
            begun[0].write_table(table, row_group_size=GROUP)

        yield write


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
