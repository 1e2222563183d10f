"""Give the raw sessions their types and drop duplicates."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import read_metrics, write_metrics
from _stage import Stage, run
from _tables import write_table

import hashlib
from typing import TYPE_CHECKING

import pandas as pd

from ecom.data.cleaning import clean, to_types
from ecom.data.identity import session_keys
from ecom.data.parsing import parse_csv
from ecom.data.parts import Parts
from ecom.data.periods import parts_of_rows
from ecom.errors import DataError
from ecom.params.clean import Clean

if TYPE_CHECKING:
    from ecom.results import ValidateResults


def main(stage: Stage) -> None:
    raw = stage.dep("data/raw/online_shoppers_intention.csv").read_bytes()
    verdict: ValidateResults = read_metrics(stage, "metrics/validate.json")
    if verdict["problems"]:
        raise DataError("metrics/validate.json lists problems of the raw data: solve them first")
    if hashlib.sha256(raw).hexdigest() != verdict["sha256"]:
        raise DataError(
            "metrics/validate.json was computed from other raw data: run `dvc repro validate` first"
        )
    params = stage.params(Clean)
    table = parse_csv(raw)
    valid = table
    if params.drop_invalid:
        from ecom.data.validation import valid_rows

        valid = valid_rows(table)
    sessions = clean(valid, drop_duplicates=params.drop_duplicates)
    keys = session_keys(to_types(valid))[sessions.index]
    write_table(stage, "data/processed/online_shoppers_clean.csv", sessions)
    files = Parts.parse(stage.dep("data/raw/parts.csv").read_bytes())
    parts = parts_of_rows(files, sessions.index)
    numbered = pd.DataFrame({"row": range(len(keys)), "session": keys, "part": parts})
    write_table(stage, "data/processed/session_keys.csv", numbered)
    invalid, duplicates = len(table) - len(valid), len(valid) - len(sessions)
    write_metrics(
        stage,
        "metrics/clean.json",
        {
            "rows_in": len(table),
            "rows_out": len(sessions),
            "duplicates_dropped": duplicates,
            "invalid_dropped": invalid,
        },
    )
    stage.say(f"{len(sessions):,} sessions, dropped {duplicates:,} duplicates, {invalid:,} invalid")


if __name__ == "__main__":
    run(main)
