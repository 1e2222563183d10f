"""The files that raw data was put together from."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

HEADER: Final = ("part", "rows")
WHOLE: Final = "all"  # of data that came as one file


@dataclass(frozen=True)
class Parts:
    """Files, in order of time.

    Attributes
    ----------
    names
        Of each file, without its ending.
    rows
        How many sessions each holds; of one file alone, nobody asks.
    """

    names: Sequence[str]
    rows: Sequence[int]

    def to_csv(self) -> bytes:
        """Return a line for each file."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([HEADER, *zip(self.names, self.rows, strict=True)])
        return text.getvalue().encode()

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read what `to_csv` has written."""
        _, *lines = csv.reader(io.StringIO(content.decode()))
        return cls([name for name, _ in lines], [int(rows) for _, rows in lines])


ONE_FILE: Final = Parts([WHOLE], [0])
