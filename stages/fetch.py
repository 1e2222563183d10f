"""Bring the raw data: the pinned content, whichever source answers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # Python may be told to leave it out

from _stage import Stage, run
from _tables import write_table

import os

from fsspec.callbacks import TqdmCallback

from ecom.data.parts import ONE_FILE, Parts
from ecom.data.sources import fetch, is_pinned, names_files_alone
from ecom.params.data import Data
from ecom.project.params_file import read_params

RAW = "data/raw/online_shoppers_intention.csv"
PARTS = "data/raw/parts.csv"


def main(stage: Stage) -> None:
    read_params(stage.root)  # the first stage names every fault, before any work
    data = stage.params(Data)
    if data.source == "synthetic":
        from ecom.data.synthetic import generate_sessions

        write_table(stage, RAW, generate_sessions(data.synthetic.rows, data.synthetic.seed))
        write_parts(stage, ONE_FILE)
        stage.say(f"{data.synthetic.rows:,} synthetic sessions")
        return
    # DVC runs experiments in a copy of the project; relative paths start from the project itself.
    root = Path(os.environ.get("DVC_ROOT", stage.root))
    present, parts = stage.previous_out(RAW), stage.previous_out(PARTS)
    # A file that somebody names is read, even so: it may be another than is pinned.
    asked = names_files_alone(data, root)
    held = present.exists() and parts.exists()
    if not asked and held and is_pinned(present, data.sha256):
        stage.say("the pinned content is there already; no source was asked")
        return
    with stage.out(RAW) as temporary:
        fetched = fetch(data, root, temporary, progress=progress_bar)
    for failure in fetched.failures:
        stage.say(f"skipped {failure}")
    write_parts(stage, fetched.parts)
    stage.say(f"{present.stat().st_size:,} bytes from {fetched.address}")
    if data.sha256 is None:
        stage.say(
            f"data.sha256 is null, so a change of the file goes unnoticed: pin it with "
            f"{fetched.sha256}, or run `dvc repro --force fetch` after each change"
        )


def write_parts(stage: Stage, parts: Parts) -> None:
    with stage.out(PARTS) as temporary:
        temporary.write_bytes(parts.to_csv())


def progress_bar(address: str) -> TqdmCallback:
    return TqdmCallback(
        tqdm_kwargs={"desc": address, "unit": "B", "unit_scale": True, "disable": None}
    )


if __name__ == "__main__":
    run(main)
