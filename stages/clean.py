"""Give the raw sessions their types and drop duplicates."""

from _stage import Stage, run

import hashlib

from ecom.cleaning import clean
from ecom.errors import DataError
from ecom.params import Clean
from ecom.parsing import parse_csv


def main(stage: Stage) -> None:
    raw = stage.dep("data/raw/online_shoppers_intention.csv").read_bytes()
    verdict = stage.read_metrics("metrics/validate.json")
    if verdict["problems"]:
        raise DataError("metrics/validate.json lists problems of the raw data: solve them first")
    if hashlib.sha256(raw).hexdigest() != verdict["sha256"]:
        raise DataError(
            "metrics/validate.json is of other raw data: run `dvc repro validate` first"
        )
    table = parse_csv(raw)
    sessions = clean(table, drop_duplicates=stage.params(Clean).drop_duplicates)
    stage.write_table("data/processed/online_shoppers_clean.csv", sessions)
    dropped = len(table) - len(sessions)
    stage.write_metrics(
        "metrics/clean.json",
        {"rows_in": len(table), "rows_out": len(sessions), "duplicates_dropped": dropped},
    )
    stage.say(f"{len(sessions):,} sessions, {dropped:,} duplicates dropped")


if __name__ == "__main__":
    run(main)
