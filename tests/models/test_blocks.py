"""Sessions that are scored some at a time get the scores that they get together."""

import numpy as np
import pandas as pd
import pytest

from ecom.models import blocks
from ecom.models.blocks import in_blocks


@pytest.mark.parametrize("rows", [1, 3, 4, 10])
def test_each_session_is_scored_once_in_order(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "TOGETHER", 4)
    sessions = pd.DataFrame({"x": np.arange(rows)}, index=np.arange(rows)[::-1])
    seen = []

    def score(some: pd.DataFrame) -> blocks.Floats:
        seen.append(len(some))
        return some[["x"]].to_numpy(np.float64) * 2

    assert in_blocks(score, sessions).tolist() == [[2.0 * x] for x in range(rows)]
    assert max(seen) <= 4
