"""Record the run in MLflow. Where that cannot be, results stay and the pipeline goes on."""

from _stage import ROOT, Stage, run

import json

from ecom.states import folder_state
from ecom.tracking.record import record


def main(stage: Stage) -> None:
    try:
        tracked = record(ROOT)
    except Exception as error:  # noqa: BLE001  no fault of the record may cost the results
        stage.warn(f"not recorded: {error}. `python -m ecom track` catches up")
    else:
        stage.say(f"run {tracked.run_id} at {tracked.address}")
    state = {"state": folder_state(ROOT).key}
    stage.write_text("metrics/track.json", json.dumps(state, indent=2) + "\n")


if __name__ == "__main__":
    run(main)
