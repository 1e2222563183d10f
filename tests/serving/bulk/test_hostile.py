"""Any file is scored row by row, or refused with a message; what is good in it scores as ever."""

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from ecom.errors import DataError
from ecom.schema import FEATURES
from ecom.serving.bulk.job import Settings, score_all
from ecom.serving.package import Package, open_package
from hostile_files import GOOD, KINDS, hostile_files
from packaged import written

pytestmark = pytest.mark.hostile
EXAMPLES = 100 if settings().max_examples > 1000 else 8  # of each of 27 kinds


@pytest.fixture(scope="module")
def package(made: tuple[Any, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(made[1], tmp_path_factory.mktemp("hostile") / "package")


@pytest.fixture(scope="module")
def opened(package: Path) -> Package:
    return open_package(package)


def scores(opened: Package, table: pd.DataFrame) -> dict[tuple[Any, ...], float]:
    """Return the score of each distinct session, by its columns as numbers and texts."""
    columns = {name: table[name].to_numpy() for name in FEATURES}
    answers = opened.scorer.answer(columns).probability
    return dict(zip(keys(table), answers.tolist(), strict=True))


def keys(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(table[list(FEATURES)].itertuples(index=False, name=None))


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_file_is_refused_or_scored_as_its_rows_are(
    package: Path, opened: Package, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    known = scores(opened, pd.read_csv(io.BytesIO(GOOD)))

    @settings(
        max_examples=EXAMPLES,
        derandomize=EXAMPLES < 100,  # make prove looks for what is new, make test for what broke
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        deadline=None,
    )
    @given(made=hostile_files(kind))
    def attack(made: tuple[list[str], bytes]) -> None:
        folder = tmp_path_factory.mktemp("attack")
        source, target = folder / "in.csv", folder / "out.parquet"
        source.write_bytes(made[1])
        said = ""
        try:
            found, place, _ = score_all(
                str(source), str(target), package, Settings(part_rows=100), max_bad=1
            )
        except DataError as error:
            said = str(error)
        if said:
            assert "in.csv" in said
            assert not target.exists()
            return
        table = pd.read_parquet(target)
        assert len(table) == found.rows
        assert table["probability"].isna().sum() == found.bad
        side = found.bad + found.broken
        assert Path(place.bad_rows).exists() is bool(side)
        scored = table[table["probability"].notna()]
        for key, score in zip(keys(scored), scored["probability"], strict=True):
            assert known.get(key, score) == score

    attack()
