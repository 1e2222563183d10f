"""Sessions of files come with their scores, and with outcomes as far as these are known."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ecom.errors import DataError
from ecom.schema import FEATURES, TARGET
from ecom.serving.bulk.labelled import Rows, read_rows
from ecom.serving.manifest import packaged_columns
from ecom.serving.package import Package, open_package
from ecom.serving.profile import NO_PURCHASE, PURCHASE, UNKNOWN
from packaged import written


@pytest.fixture(scope="module")
def opened(made: tuple[Any, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory) -> Package:
    return open_package(written(made[1], tmp_path_factory.mktemp("labelled") / "package"))


def read(sessions: pd.DataFrame, opened: Package, folder: Path, **given: Any) -> Rows:
    sessions.to_csv(folder / "new.csv", index=False)
    (rows,) = read_rows(str(folder / "new.csv"), opened, **given)
    return rows


def test_scores_are_those_of_the_package(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    rows = read(sessions, opened, tmp_path)

    answers = opened.scorer.answer({name: sessions[name].to_numpy() for name in FEATURES})
    np.testing.assert_array_equal(rows.scores, answers.probability)
    assert rows.good.all()
    assert rows.blocks is None


def test_outcomes_are_numbered(opened: Package, sessions: pd.DataFrame, tmp_path: Path) -> None:
    said = ["TRUE", "0", "", "perhaps"] * (len(sessions) // 4)
    labelled = sessions.head(len(said)).assign(**{TARGET: said})

    rows = read(labelled, opened, tmp_path)

    assert rows.outcomes.tolist() == [PURCHASE, NO_PURCHASE, UNKNOWN, UNKNOWN] * (len(said) // 4)
    assert rows.good.all()


def test_more_columns_may_be_asked_for(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    held = sessions.drop(columns="Region")

    with pytest.raises(DataError, match="has no column Region"):
        read(held, opened, tmp_path, columns=packaged_columns("end_of_session"))


def test_a_block_is_named_by_its_column(
    opened: Package, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    rows = read(sessions, opened, tmp_path, block="Month")

    assert rows.blocks == sessions["Month"].tolist()
