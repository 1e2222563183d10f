"""Every row comes out once, with its score; kills, workers and parts change no byte."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pytest
from pyarrow import parquet

from ecom.errors import DataError
from ecom.schema import FEATURES
from ecom.serving.bulk.job import Settings, Summary, score_all
from ecom.serving.package import open_package
from packaged import written

SMALL = Settings(part_rows=60)
LONG = (
    "import sys; from pathlib import Path; from ecom.serving.bulk.job import *\n"
    "if __name__ == '__main__':\n"
    "    score_all(*sys.argv[1:3], Path(sys.argv[3]), Settings(part_rows=20), workers=2)"
)


@pytest.fixture(scope="module")
def package(made: tuple[Any, dict[str, bytes]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(made[1], tmp_path_factory.mktemp("job") / "package")


@pytest.fixture
def parts(sessions: pd.DataFrame, tmp_path: Path) -> Path:
    """Return a folder of two Parquet files."""
    (tmp_path / "in").mkdir()
    for name, rows in (("a", sessions[:200]), ("b", sessions[200:])):
        rows.to_parquet(tmp_path / "in" / f"{name}.parquet", row_group_size=50)
    return tmp_path / "in"


def digests(folder: Path) -> dict[str, str]:
    """Return the hash of every file, hidden ones too."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def expected(package: Path, sessions: pd.DataFrame) -> Any:
    columns = {name: sessions[name].to_numpy() for name in FEATURES}
    return open_package(package).scorer.answer(columns).probability


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_becomes_a_file_with_the_rows_in_order(
    package: Path, csv: Path, sessions: pd.DataFrame, tmp_path: Path, kind: str
) -> None:
    found, _, _ = score_all(str(csv), str(tmp_path / f"out.{kind}"), package, SMALL)

    out = tmp_path / f"out.{kind}"
    table = pd.read_csv(out) if kind == "csv" else pd.read_parquet(out)
    np.testing.assert_array_equal(table["probability"], expected(package, sessions))
    pd.testing.assert_frame_equal(
        table[list(FEATURES)], sessions[list(FEATURES)], check_dtype=False
    )
    assert found == Summary(len(sessions), flagged=int(table["flagged"].sum()))
    assert not list(tmp_path.glob(".*"))


def test_a_folder_becomes_a_folder_with_every_row_in_one_part(
    package: Path, parts: Path, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    score_all(str(parts), str(tmp_path / "out"), package, SMALL)

    table = pd.read_parquet(tmp_path / "out")
    np.testing.assert_array_equal(table["probability"], expected(package, sessions))
    assert len(list((tmp_path / "out").glob("part-*"))) == 10


def test_processes_change_no_byte(package: Path, parts: Path, tmp_path: Path) -> None:
    for workers in (1, 2):
        score_all(str(parts), str(tmp_path / f"out{workers}"), package, SMALL, workers=workers)

    assert digests(tmp_path / "out1") == digests(tmp_path / "out2")


def test_bad_rows_stay_without_a_score_and_are_told_with_their_line(
    package: Path, csv: Path, tmp_path: Path
) -> None:
    lines = csv.read_text().splitlines()
    lines[100] = lines[100].replace(",", ";", 1)
    lines[200] = "x" + lines[200][1:]
    csv.write_text("\n".join(lines))
    out = tmp_path / "out.csv"

    found, target, _ = score_all(str(csv), str(out), package, SMALL)

    assert (found.rows, found.bad, found.broken) == (len(lines) - 2, 1, 1)
    side = pd.read_csv(target.bad_rows)
    assert side["line_or_row"].tolist() == [101, 201]
    assert side["column"].fillna("").tolist() == ["", "Administrative"]
    table = pd.read_csv(out)
    assert table["probability"].isna().tolist() == [row == 198 for row in range(len(lines) - 2)]


def test_a_file_that_is_mostly_wrong_stops_the_job_and_leaves_what_was_there(
    package: Path, csv: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old")
    csv.write_text(csv.read_text().replace("Returning_Visitor", "Returning Visitor"))

    with pytest.raises(DataError, match=r"rows cannot be scored, above --max-bad 0\.5"):
        score_all(str(csv), str(out), package, SMALL, overwrite=True)

    assert out.read_text() == "old"
    score_all(str(csv), str(out), package, SMALL, overwrite=True, max_bad=1)
    assert out.read_text() != "old"


def test_a_job_that_is_done_is_not_done_again_and_other_input_is(
    package: Path, csv: Path, tmp_path: Path
) -> None:
    out = str(tmp_path / "out.csv")
    first = score_all(str(csv), out, package, SMALL)
    again = score_all(str(csv), out, package, SMALL)
    csv.write_text(csv.read_text() + csv.read_text().splitlines()[1] + "\n")
    with pytest.raises(DataError, match="is there already"):
        score_all(str(csv), out, package, SMALL)
    other = score_all(str(csv), out, package, SMALL, overwrite=True)

    assert [each[2] for each in (first, again, other)] == [True, False, True]
    assert again[0] == first[0]
    assert other[0].rows == first[0].rows + 1


def test_parts_of_another_run_are_replaced_as_a_whole(
    package: Path, parts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    score_all(str(parts), str(out), package, SMALL)
    score_all(str(parts), str(out), package, Settings(part_rows=200), overwrite=True)
    score_all(str(parts), str(tmp_path / "fresh"), package, Settings(part_rows=200))

    assert digests(out) == digests(tmp_path / "fresh")


def test_any_file_system_will_do(package: Path, csv: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/bulk/in.csv", csv.read_bytes())

    found, _, _ = score_all("memory://bulk/in.csv", "memory://bulk/out.csv", package, SMALL)

    assert memory.cat("/bulk/out.csv").count(b"\n") == found.rows + 1


def test_files_of_other_columns_are_not_scored_together(
    package: Path, parts: Path, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    sessions.assign(note="x").to_parquet(parts / "c.parquet")

    with pytest.raises(DataError, match="do not have the same columns"):
        score_all(str(parts), str(tmp_path / "out"), package, SMALL)


def test_a_damaged_output_is_made_again(package: Path, csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    score_all(str(csv), str(out), package, SMALL)
    whole = out.read_bytes()
    out.write_bytes(b"")

    assert score_all(str(csv), str(out), package, SMALL)[2]
    assert out.read_bytes() == whole


def test_whether_too_many_are_wrong_is_judged_of_all_rows(
    package: Path, csv: Path, tmp_path: Path
) -> None:
    header, *lines = csv.read_text().splitlines()
    spoilt = ["x" + line[1:] if place < 150 else line for place, line in enumerate(lines)]
    csv.write_text("\n".join([header, *spoilt]))

    for workers in (1, 2):
        out = str(tmp_path / f"out{workers}.csv")
        found, _, _ = score_all(str(csv), out, package, SMALL, workers=workers, max_bad=0.4)
        assert found.bad == 150


@pytest.mark.parametrize("name", ["x.csv.bad_rows.csv", "x.csv.manifest.json", ".x.csv.scoring"])
def test_an_input_with_the_name_of_a_side_file_is_kept(
    package: Path, csv: Path, tmp_path: Path, name: str
) -> None:
    csv.rename(tmp_path / name)

    with pytest.raises(DataError, match="is among the files to score"):
        score_all(str(tmp_path / name), str(tmp_path / "x.csv"), package, SMALL, overwrite=True)

    assert (tmp_path / name).exists()


def test_text_of_any_arrow_type_is_quoted_and_what_csv_cannot_hold_is_refused(
    package: Path, sessions: pd.DataFrame, tmp_path: Path
) -> None:
    table = pa.Table.from_pandas(sessions, preserve_index=False)
    texts = pa.array(['a "b", c'] * len(sessions), pa.large_string())
    for name, cells in (("text", texts), ("kind", texts.dictionary_encode())):
        parquet.write_table(table.append_column("note", cells), tmp_path / f"{name}.parquet")
        score_all(str(tmp_path / f"{name}.parquet"), str(tmp_path / f"{name}.csv"), package, SMALL)
        assert set(pd.read_csv(tmp_path / f"{name}.csv")["note"]) == {'a "b", c'}
    lists = pa.array([[1]] * len(sessions))
    parquet.write_table(table.append_column("note", lists), tmp_path / "lists.parquet")
    score_all(str(tmp_path / "lists.parquet"), str(tmp_path / "out.parquet"), package, SMALL)

    with pytest.raises(DataError, match="CSV cannot hold note, of list"):
        score_all(str(tmp_path / "lists.parquet"), str(tmp_path / "lists.csv"), package, SMALL)


@pytest.mark.slow
def test_workers_end_with_the_process_that_began_them(
    package: Path, parts: Path, tmp_path: Path
) -> None:
    script = tmp_path / "job.py"
    script.write_text(LONG)
    command = [sys.executable, *map(str, (script, parts, tmp_path / "out", package))]
    process = psutil.Popen(command)
    workers: list[psutil.Process] = []
    while len(workers) < 3:  # two, and the one that watches their semaphores
        workers = process.children(recursive=True)
        time.sleep(0.05)

    process.kill()
    process.wait()

    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []


def test_the_output_is_not_among_the_input(package: Path, csv: Path, parts: Path) -> None:
    for source, target in ((csv, csv), (parts, parts), (parts, parts / "out")):
        with pytest.raises(DataError, match="is among the files to score"):
            score_all(str(source), str(target), package, SMALL, overwrite=True)


@pytest.mark.parametrize(
    "moments", [3, pytest.param(50, marks=pytest.mark.prove)], ids=["some", "many"]
)
@pytest.mark.slow
def test_what_was_killed_goes_on_to_the_same_bytes(
    package: Path, parts: Path, tmp_path: Path, moments: int
) -> None:
    script = tmp_path / "job.py"
    script.write_text(LONG)

    def begun(out: Path) -> "subprocess.Popen[bytes]":
        command = [sys.executable, *map(str, (script, parts, out, package))]
        return subprocess.Popen(command, start_new_session=True)

    started = time.monotonic()
    assert begun(tmp_path / "whole").wait() == 0
    duration = time.monotonic() - started
    for moment in range(moments):
        out = tmp_path / f"out{moment}"
        process = begun(out)
        time.sleep(duration * (moment + 1) / (moments + 1))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert begun(out).wait() == 0
        assert digests(out) == digests(tmp_path / "whole")
