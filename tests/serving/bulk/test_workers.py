"""A cluster scores each part once, to the bytes of one machine, whatever happens to its workers."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clusters import cluster_of
from ecom.errors import ClusterError, DataError
from ecom.serving.bulk.job import Settings, Summary, score_all
from packaged import written
from servers import free_port

SMALL = Settings(part_rows=10)
pytestmark = pytest.mark.slow


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, hidden ones too."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_workers_that_are_lost_and_workers_that_join_change_no_byte(
    made: tuple[Any, dict[str, bytes]], sessions: pd.DataFrame, tmp_path: Path
) -> None:
    package = written(made[1], tmp_path / "package")
    (tmp_path / "in").mkdir()
    for number in range(6):
        sessions.to_parquet(tmp_path / "in" / f"{number}.parquet", row_group_size=10)
    score_all(str(tmp_path / "in"), str(tmp_path / "here"), package, SMALL)
    killed: list[int] = []

    with cluster_of(2, tmp_path / "cluster") as cluster:
        joining = threading.Thread(target=cluster.add_worker, daemon=True)

        def disturb(found: Summary, _: int | None) -> None:
            if found.rows > sessions.shape[0] and not killed:
                killed.append(cluster.workers[0].pid)
                cluster.lose(cluster.workers[0])
                joining.start()

        found, target, done = score_all(
            str(tmp_path / "in"),
            str(tmp_path / "there"),
            package,
            SMALL,
            cluster=cluster.address,
            report=disturb,
        )
        joining.join()

    assert killed
    assert done
    assert found.rows == 6 * len(sessions)
    assert contents(Path(target.path)) == contents(tmp_path / "here")


def test_workers_get_the_package_and_need_no_folder_of_it(
    made: tuple[Any, dict[str, bytes]],
    csv: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = written(made[1], tmp_path / "package")
    score_all(str(csv), str(tmp_path / "here.csv"), package, SMALL)
    monkeypatch.chdir(tmp_path)

    with cluster_of(1, tmp_path / "cluster") as cluster:

        def remove(*_: Any) -> None:
            if package.exists():
                package.rename(tmp_path / "gone")

        score_all(str(csv), "there.csv", package, SMALL, cluster=cluster.address, report=remove)

        said = score(csv, "command.csv", "--dask", cluster.address, package=tmp_path / "gone")
        refused = score(csv, "no.csv", "--dask", "x", "--workers", "2", package=tmp_path / "gone")

    assert said.returncode == 0, said.stderr
    assert (tmp_path / "command.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    assert refused.returncode == 1
    assert "--dask has its own: choose one" in refused.stderr
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


def score(
    source: Path, target: str, *options: str, package: Path
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ecom", "score", str(source), target, *options]
    return subprocess.run(
        [*command, "--package", str(package)], check=False, capture_output=True, text=True
    )


def test_rows_that_are_mostly_wrong_stop_the_job_and_no_scheduler_is_told(
    made: tuple[Any, dict[str, bytes]], sessions: pd.DataFrame, tmp_path: Path
) -> None:
    package = written(made[1], tmp_path / "package")
    sessions.assign(Month="Never").to_csv(tmp_path / "in.csv", index=False)
    job = (str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), package, SMALL)

    with pytest.raises(ClusterError, match="no Dask scheduler answers at tcp"):
        score_all(*job, cluster=f"tcp://127.0.0.1:{free_port()}")
    with cluster_of(1, tmp_path / "cluster") as cluster:
        with pytest.raises(DataError, match="rows cannot be scored, above --max-bad"):
            score_all(*job, cluster=cluster.address)
        score_all(*job, cluster=cluster.address, max_bad=1)

    assert pd.read_csv(tmp_path / "out.csv")["probability"].isna().all()
