"""Split off the test rows and add the engineered columns.

The engineered columns are for people to look at. Models take raw sessions and compute their columns
themselves, with the same function, so that training and serving cannot differ.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import write_metrics
from _stage import Stage, run
from _tables import read_table, write_table

from ecom.data.splitting import split_sessions
from ecom.features import TOTALS, add_features
from ecom.params.split import Split
from ecom.schema import TARGET


def main(stage: Stage) -> None:
    params = stage.params(Split)
    sessions = read_table(stage, "data/processed/online_shoppers_clean.csv")
    train, test = split_sessions(sessions, test_size=params.test_size, seed=params.seed)
    write_table(stage, "data/features/train.parquet", add_features(train).reset_index(names="row"))
    write_table(stage, "data/features/test.parquet", add_features(test).reset_index(names="row"))
    write_metrics(
        stage,
        "metrics/features.json",
        {
            "columns": train.shape[1] + len(TOTALS),
            "train": {"rows": len(train), "positive_rate": float(train[TARGET].mean())},
            "test": {"rows": len(test), "positive_rate": float(test[TARGET].mean())},
            "test_rows_dropped": len(sessions) - len(train) - len(test),
        },
    )
    stage.say(f"{len(train):,} training rows, {len(test):,} test rows")


if __name__ == "__main__":
    run(main)
