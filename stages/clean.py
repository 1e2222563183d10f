"""Give the raw sessions their types and drop duplicates."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics, write_metrics
from _stage import Stage, run
from _tables import writer

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from ecom.data.cleaning import cleaned, tell_apart
from ecom.data.parsing import Readable, read_chunks
from ecom.data.parts import Parts
from ecom.data.periods import parts_of_rows
from ecom.data.repeats import HashFile
from ecom.errors import DataError
from ecom.params.clean import Clean

if TYPE_CHECKING:
    from ecom.results import ValidateResults


def main(stage: Stage) -> None:
    path, params = stage.dep("data/raw/online_shoppers_intention.csv"), stage.params(Clean)
    parts = Parts.parse(stage.dep("data/raw/parts.csv").read_bytes())
    verdict: ValidateResults = read_metrics(stage, "metrics/validate.json")
    if verdict["problems"]:
        raise DataError("metrics/validate.json lists problems of the raw data: solve them first")
    with (
        path.open("rb") as raw,
        HashFile.opened() as hashes,
        writer(stage, "data/processed/online_shoppers_clean.csv") as write_sessions,
        writer(stage, "data/processed/session_keys.csv") as write_keys,
    ):
        if hashlib.file_digest(raw, "sha256").hexdigest() != verdict["sha256"]:
            raise DataError(
                "metrics/validate.json was computed from other raw data: run `dvc repro validate` "
                "first"
            )
        known = tell_apart(valid_tables(raw, params), hashes)
        for sessions, keys in cleaned(valid_tables(raw, params), known, params):
            write_sessions(sessions)
            write_keys(keys.assign(part=parts_of_rows(parts, sessions.index)))
    invalid = verdict["invalid_rows"] if params.drop_invalid else 0
    duplicates = int(known.repeats.sum()) if params.drop_duplicates else 0
    rows = len(known.repeats)
    write_metrics(
        stage,
        "metrics/clean.json",
        {
            "rows_in": rows + invalid,
            "rows_out": rows - duplicates,
            "duplicates_dropped": duplicates,
            "invalid_dropped": invalid,
        },
    )
    stage.say(
        f"{rows - duplicates:,} sessions, dropped {duplicates:,} duplicates, {invalid:,} invalid"
    )


def valid_tables(raw: Readable, params: Clean) -> Iterator[pd.DataFrame]:
    if not params.drop_invalid:
        return read_chunks(raw)
    from ecom.data.validation import valid_rows

    return map(valid_rows, read_chunks(raw))


if __name__ == "__main__":
    run(main)
