"""Hold out the test rows and add the engineered columns.

The engineered columns are for people to look at: models take raw sessions and engineer for
themselves, by the same function, so that training and serving cannot differ.
"""

from _stage import Stage, run

from ecom.features import TOTALS, add_features
from ecom.params import Split
from ecom.schema import TARGET
from ecom.splitting import split_sessions


def main(stage: Stage) -> None:
    params = stage.params(Split)
    sessions = stage.read_sessions("data/processed/online_shoppers_clean.csv")
    train, test = split_sessions(sessions, test_size=params.test_size, seed=params.seed)
    stage.write_table("data/features/train.parquet", add_features(train).reset_index(names="row"))
    stage.write_table("data/features/test.parquet", add_features(test).reset_index(names="row"))
    stage.write_metrics(
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
