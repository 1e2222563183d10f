"""Check that the raw file is what the schema says; stop the run here if it is not."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _metrics import write_metrics
from _stage import Stage, run

from ecom.data.parts import Parts
from ecom.data.validation import validate
from ecom.params.clean import Clean
from ecom.params.over_time import OverTime
from ecom.params.validate import Validate


def main(stage: Stage) -> None:
    with stage.dep("data/raw/online_shoppers_intention.csv").open("rb") as raw:
        report = validate(
            raw,
            stage.params(Validate),
            stage.params(OverTime).months_before,
            Parts.parse(stage.dep("data/raw/parts.csv").read_bytes()),
            drop_invalid=stage.params(Clean).drop_invalid,
        )
    write_metrics(stage, "metrics/validate.json", report.to_dict())
    report.raise_if_invalid()
    stage.say(
        f"{report.rows:,} sessions, {report.columns} columns, {report.duplicates:,} duplicates, "
        f"{report.positive_rate:.1%} purchases"
    )


if __name__ == "__main__":
    run(main)
