"""Scores are those of the package, beside the row as it came; a bad row has none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ecom.errors import DataError
from ecom.schema import FEATURES
from ecom.serving.bulk.reading import Block
from ecom.serving.bulk.scored import score, written_columns
from ecom.serving.package import open_package


def block(table: pa.Table) -> Block:
    return Block(table, np.arange(1, len(table) + 1))


def test_scores_are_those_of_the_package_and_columns_stay(
    folder: Path, sessions: pd.DataFrame
) -> None:
    package = open_package(folder)
    table = pa.Table.from_pandas(sessions, preserve_index=False)
    written = written_columns(
        table.schema, package.manifest.columns, "x", text=False, explain=False
    )

    found = score(package, block(table), written).table.to_pandas()

    answers = package.scorer.answer({name: sessions[name].to_numpy() for name in FEATURES})
    np.testing.assert_array_equal(found["probability"], answers.probability)
    np.testing.assert_array_equal(found["flagged"], answers.flagged)
    assert set(found["model_version"]) == {package.version}
    pd.testing.assert_frame_equal(found[sessions.columns], sessions, check_dtype=False)


def test_a_bad_row_has_neither_score_nor_reason_and_the_others_have_their_own(
    folder: Path, sessions: pd.DataFrame
) -> None:
    package = open_package(folder)
    spoilt = sessions.assign(PageValues=sessions["PageValues"].where(sessions.index != 3, -1.0))
    tables = [pa.Table.from_pandas(each, preserve_index=False) for each in (sessions, spoilt)]
    written = written_columns(
        tables[0].schema, package.manifest.columns, "x", text=False, explain=True
    )

    whole, found = (score(package, block(each), written) for each in tables)

    assert found.checked.good.tolist() == [row != 3 for row in range(len(sessions))]
    after, before = found.table.to_pandas(), whole.table.to_pandas()
    assert after.loc[3, ["probability", "flagged", "reason_1", "contribution_3"]].isna().all()
    pd.testing.assert_frame_equal(after.drop(index=3), before.drop(index=3), check_dtype=False)


def test_reasons_are_the_largest_contributions(folder: Path, sessions: pd.DataFrame) -> None:
    package = open_package(folder)
    table = pa.Table.from_pandas(sessions, preserve_index=False)
    written = written_columns(table.schema, package.manifest.columns, "x", text=False, explain=True)

    found = score(package, block(table), written).table.to_pandas()

    columns = {name: sessions[name].to_numpy() for name in FEATURES}
    contributions = np.abs(package.scorer.explain(columns).contributions)
    largest = -np.sort(-contributions, axis=1)
    for place in (1, 2, 3):
        np.testing.assert_array_equal(found[f"contribution_{place}"].abs(), largest[:, place - 1])


def test_texts_get_the_types_of_the_manifest_in_parquet_and_stay_in_csv(
    folder: Path, sessions: pd.DataFrame
) -> None:
    package = open_package(folder)
    texts = sessions.astype(str).assign(Weekend="TRUE", Administrative="x", note="1")
    table = pa.table({name: pa.array(texts[name].tolist(), pa.string()) for name in texts})
    kinds = {}
    for text in (False, True):
        written = written_columns(
            table.schema, package.manifest.columns, "x", text=text, explain=False
        )
        found = score(package, block(table), written).table
        kinds[text] = [str(found.schema.field(name).type) for name in ("ExitRates", "Weekend")]
        assert found["Administrative"][0].as_py() == ("x" if text else None)
        assert found["note"][0].as_py() == "1"

    assert kinds == {False: ["double", "bool"], True: ["string", "string"]}


def test_a_name_that_is_to_be_added_must_be_free(folder: Path) -> None:
    columns = open_package(folder).manifest.columns

    with pytest.raises(DataError, match="has columns flagged already"):
        written_columns(
            pa.schema([("flagged", pa.bool_())]), columns, "x", text=False, explain=False
        )
