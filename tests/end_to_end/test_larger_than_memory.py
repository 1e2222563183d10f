"""Raw data that does not fit in memory goes through the stages before the models."""

import sys
from pathlib import Path

import pytest

from ecom.data.synthetic import generate_sessions
from project import Project, metrics_of

pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(sys.platform != "linux", reason="limits the memory as Linux does"),
]
SESSIONS, TIMES = 250_000, 32
STAGES = ("fetch", "validate", "clean", "features")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of sessions, the last of which repeat the first."""
    path = tmp_path_factory.mktemp("source") / "sessions.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        for number in range(TIMES):
            sessions = generate_sessions(SESSIONS, seed=number % (TIMES - 1))
            sessions.to_csv(file, index=False, header=number == 0)
    return path


def test_raw_data_larger_than_memory_comes_to_training_and_test_rows(
    unchanged: Project, source: Path
) -> None:
    unchanged.set_params(
        {
            "data.source": "real",
            "data.sources": [str(source)],
            "data.sha256": None,
            "validate.max_rows": SESSIONS * TIMES,
            "split.max_train_rows": 10_000,
        }
    )
    limit = ("prlimit", f"--data={source.stat().st_size}")

    for stage in STAGES:
        unchanged.run(*limit, sys.executable, f"stages/{stage}.py")

    clean = metrics_of(unchanged.root, "clean")
    assert clean["rows_in"] == SESSIONS * TIMES
    assert SESSIONS <= clean["duplicates_dropped"] < 2 * SESSIONS
    split = metrics_of(unchanged.root, "features")
    assert split["train"]["rows"] == 10_000
    assert split["training_rows_left_out"] + 10_000 + split["test"]["rows"] == clean["rows_out"]
    assert split["test"]["rows"] == pytest.approx(clean["rows_out"] / 5, abs=1)


def test_a_stage_that_holds_the_data_does_not_get_through(unchanged: Project, source: Path) -> None:
    """The limit is one: reading the file as a frame goes beyond it."""
    limit = ("prlimit", f"--data={source.stat().st_size}")
    read = f"import pandas as pd; pd.read_csv({str(source)!r})"

    done = unchanged.run(*limit, sys.executable, "-c", read, check=False)

    assert done.returncode != 0
    assert "emory" in done.stdout
