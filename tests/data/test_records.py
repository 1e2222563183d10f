"""Sessions come back from records as they were, in any order."""

from io import BytesIO
from tempfile import TemporaryFile

import numpy as np
import pandas as pd
import pytest

from ecom.data.records import sessions_at, stored
from generated import typed_sessions


@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_sessions_come_back_as_they_were_in_any_order(rows: int) -> None:
    sessions = typed_sessions().reset_index(drop=True)
    chunks = [sessions[begin : begin + rows] for begin in range(0, len(sessions), rows)]
    wanted = np.random.default_rng(0).permutation(len(sessions))[:50]

    with TemporaryFile() as file:
        passed = list(stored(chunks, file))
        found = sessions_at(file, wanted)

    pd.testing.assert_frame_equal(pd.concat(passed), sessions)
    pd.testing.assert_frame_equal(found, sessions.iloc[wanted], check_index_type=False)


def test_what_a_file_held_before_is_written_over() -> None:
    file = BytesIO(b"older")

    list(stored([typed_sessions()[:1]], file))

    assert b"older" not in file.getvalue()
