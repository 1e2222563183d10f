"""Check that the raw file is what the schema says; stop the run here if it is not."""

from _stage import Stage, run

from ecom.params import Temporal, Validate
from ecom.validation import validate


def main(stage: Stage) -> None:
    raw = stage.dep("data/raw/online_shoppers_intention.csv").read_bytes()
    report = validate(raw, stage.params(Validate), stage.params(Temporal).test_months)
    stage.write_metrics("metrics/validate.json", report.to_dict())
    report.raise_if_invalid()
    stage.say(
        f"{report.rows:,} sessions, {report.columns} columns, {report.duplicates:,} duplicates, "
        f"{report.positive_rate:.1%} purchases"
    )


if __name__ == "__main__":
    run(main)
