"""Split off the test rows and add the engineered columns.

The engineered columns are for people to look at. Models take raw sessions and compute their columns
themselves, with the same function, so that training and serving cannot differ.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import write_metrics
from _stage import Stage, run
from _tables import in_groups, read_chunks, writer

from tempfile import TemporaryFile

import numpy as np

from ecom.data.identity import session_hashes
from ecom.data.records import sessions_at, stored
from ecom.data.repeats import HashFile, first_rows
from ecom.data.splitting import split_rows
from ecom.features import TOTALS, add_features
from ecom.params.split import Split
from ecom.schema import NAMES, TARGET


def main(stage: Stage) -> None:
    with TemporaryFile() as file, HashFile.opened() as hashes:
        targets = []
        for table in stored(read_chunks(stage, "data/processed/online_shoppers_clean.csv"), file):
            hashes.add(session_hashes(table))
            targets.append(table[TARGET].to_numpy(np.int8))
        labels = np.concatenate(targets)
        split = split_rows(first_rows(hashes, labels), labels, stage.params(Split))
        with writer(stage, "data/features/train.parquet") as write:
            for rows in in_groups(split.train):
                write(add_features(sessions_at(file, rows)).reset_index(names="row"))
        with writer(stage, "data/features/test.parquet") as write:
            for rows in in_groups(split.test):
                write(add_features(sessions_at(file, rows)).reset_index(names="row"))
    write_metrics(
        stage,
        "metrics/features.json",
        {
            "columns": len(NAMES) + len(TOTALS),
            **{
                name: {"rows": len(rows), "positive_rate": float(labels[rows].mean())}
                for name, rows in (("train", split.train), ("test", split.test))
            },
            "test_rows_dropped": split.repeated,
            "training_rows_left_out": split.left_out,
        },
    )
    stage.say(f"{len(split.train):,} training rows, {len(split.test):,} test rows")


if __name__ == "__main__":
    run(main)
