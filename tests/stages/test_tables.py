"""Tables come back as they were written, as CSV and as Parquet."""

import _stage
from _tables import read_features, read_table, write_plot, write_predictions, write_table

import pandas as pd
import pytest

from ecom.errors import DataError
from ecom.schema import FEATURES, TARGET
from generated import typed_sessions


@pytest.fixture
def writes_all(reads_all: _stage.Stage, monkeypatch: pytest.MonkeyPatch) -> _stage.Stage:
    """Return a stage that may read and write any file."""
    monkeypatch.setattr(reads_all, "previous_out", lambda path: reads_all.root / path)
    return reads_all


@pytest.mark.parametrize("path", ["a.csv", "a.parquet"])
def test_a_table_comes_back_as_it_was_written(writes_all: _stage.Stage, path: str) -> None:
    table = pd.DataFrame({"a": [1, 2], "b": [0.1 + 0.2, 1e-300], "c": ["é", "x,y"]})

    write_table(writes_all, path, table)

    pd.testing.assert_frame_equal(read_table(writes_all, path), table, check_exact=True)


def test_what_is_plotted_is_rounded(writes_all: _stage.Stage) -> None:
    write_plot(writes_all, "a.csv", pd.DataFrame({"a": [1 / 3]}))

    assert (writes_all.root / "a.csv").read_text() == "a\n0.333333\n"


def test_sessions_keep_their_row_numbers_on_the_way_to_the_scores(
    writes_all: _stage.Stage,
) -> None:
    sessions = typed_sessions(200)[50:]
    write_table(writes_all, "train.parquet", sessions.reset_index(names="row"))

    features, labels = read_features(writes_all, "train.parquet")
    write_predictions(writes_all, "p.parquet", features, labels, {"score": labels / 2})

    assert features.index.tolist() == sessions.index.tolist()
    assert list(features) == list(FEATURES)
    written = read_table(writes_all, "p.parquet")
    assert written["row"].tolist() == sessions.index.tolist()
    assert written[TARGET].tolist() == sessions[TARGET].tolist()


@pytest.mark.parametrize("keep", [0, 10, 300])
def test_a_table_that_was_cut_is_a_clear_error(writes_all: _stage.Stage, keep: int) -> None:
    write_table(writes_all, "t.parquet", pd.DataFrame({"a": range(9999)}))
    path = writes_all.root / "t.parquet"
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(DataError, match=r"t\.parquet cannot be read: "):
        read_table(writes_all, "t.parquet")
