"""Record the run in MLflow. If that fails, the results stay and the pipeline goes on."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _stage import Stage, run

import json

from ecom.project.states import folder_state
from ecom.tracking.record import record


def main(stage: Stage) -> None:
    try:
        recorded = record(stage.root)
    except Exception as error:  # noqa: BLE001  no fault of the record may cost the results
        stage.warn(f"not recorded: {error}. `python -m ecom track` tries again")
    else:
        stage.say(f"run {recorded.run_id} at {recorded.address}")
    state = {"state": folder_state(stage.root).lock.key}
    stage.write_text("metrics/track.json", json.dumps(state, indent=2) + "\n")


if __name__ == "__main__":
    run(main)
