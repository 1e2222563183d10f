"""How fast are files scored? Against the fitted Pipeline by chunks; writes docs/scoring.md.

Both read and write Parquet, on one core, and take turns over several rounds, so that a machine that
others use favours neither; the figures are medians.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent.parent / "stages"))

import _stage  # noqa: F401  thread counts of the pipeline

import pandas as pd
import psutil
import pyarrow as pa
from pyarrow import parquet
from rich.console import Console
from rich.markdown import Markdown

from ecom.digits import round_scores
from ecom.features import add_features  # noqa: F401  needed to unpickle the model
from ecom.models.averaging import LogOddsAverage  # noqa: F401
from ecom.notation import markdown_table

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "models" / "best_model.joblib"
RAW = ROOT / "data" / "raw" / "online_shoppers_intention.csv"
PAGE = ROOT / "docs" / "scoring.md"
ROUNDS = 3
ROWS = 500_000
MANY = 10_000_000
THRESHOLD = 1 / 6  # any will do
CHUNKS = (1_000, 20_000)  # rows that the Pipeline scores at a time: of a request, and of a file
CORES = sorted(os.sched_getaffinity(0))
MEBIBYTE = 1 << 20


def write_sessions(path: Path, rows: int) -> None:
    """Write raw sessions again and again."""
    sessions = pd.read_csv(RAW)
    table = pa.Table.from_pandas(sessions, preserve_index=False)
    with parquet.ParquetWriter(path, table.schema) as writer:
        left = rows
        while left:
            block = pa.concat_tables([table] * 10)[: min(left, 10 * len(table))]
            writer.write_table(block)
            left -= len(block)


def by_pipeline(source: Path, target: Path, chunk: int) -> None:
    """Score a file with the fitted Pipeline, chunk by chunk."""
    import joblib

    model = joblib.load(MODEL)
    writer = None
    for batch in parquet.ParquetFile(source).iter_batches(chunk, use_threads=False):
        sessions = batch.to_pandas()
        scores = round_scores(model.predict_proba(sessions)[:, 1])
        table = pa.Table.from_pandas(
            sessions.assign(probability=scores, flagged=scores >= THRESHOLD), preserve_index=False
        )
        writer = writer or parquet.ParquetWriter(target, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def ours(source: Path, workers: int) -> list[str]:
    """Return a command that scores a file, to where nothing is scored yet."""
    target = source.with_name(f"{uuid4().hex}.parquet")
    command = (sys.executable, "-m", "ecom", "score", str(source), str(target))
    return [*command, "--workers", str(workers)]


def seconds(command: list[str], cores: int) -> float:
    """Run a command on so many cores, and return the seconds that it takes."""
    begin = time.perf_counter()
    subprocess.run(
        ["taskset", "--cpu-list", ",".join(map(str, CORES[:cores])), *command],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - begin


def start_up(folder: Path) -> tuple[float, float]:
    """Return the seconds that both take for a file of one row: what is no scoring."""
    one = folder / "one.parquet"
    write_sessions(one, 1)
    return (
        min(seconds(ours(one, 1), 1) for _ in range(3)),
        min(seconds(pipeline(one, folder / "y.parquet", CHUNKS[0]), 1) for _ in range(3)),
    )


def pipeline(source: Path, target: Path, chunk: int) -> list[str]:
    """Return the command that scores a file with the Pipeline."""
    return [sys.executable, __file__, str(source), str(target), str(chunk)]


def peak_memory(command: list[str], folder: Path = ROOT) -> tuple[float, float]:
    """Run a command; return its seconds, and the most memory of all its processes, in MiB."""
    begin, most = time.perf_counter(), 0
    process = psutil.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        used = 0
        for each in (process, *process.children(recursive=True)):
            try:
                used += each.memory_full_info().pss  # shared pages once
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        most = max(most, used)
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f"{' '.join(command[:3])} failed")
    return time.perf_counter() - begin, most / MEBIBYTE


def measure(folder: Path) -> str:
    """Return the page as Markdown."""
    source = folder / "in.parquet"
    write_sessions(source, ROWS)
    commands: dict[str, Callable[[], list[str]]] = {
        "`ecom score`": lambda: ours(source, 1),
        **{
            f"the Pipeline, {chunk:,} rows at a time": partial(
                pipeline, source, folder / f"out{chunk}.parquet", chunk
            )
            for chunk in CHUNKS
        },
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            taken[name].append(seconds(command(), 1))
    ours_start, peer_start = start_up(folder)
    rates = {
        name: ROWS / (statistics.median(times) - (peer_start if place else ours_start))
        for place, (name, times) in enumerate(taken.items())
    }
    first, *_ = rates.values()
    rows = [
        [
            name,
            f"{rate:,.0f}",
            f"{first / rate:.1f}" if place else "",
            f"{statistics.median(taken[name]):.1f}",
        ]
        for place, (name, rate) in enumerate(rates.items())
    ]
    both = statistics.median(seconds(ours(source, 2), 2) for _ in range(ROUNDS))
    alone = statistics.median(taken["`ecom score`"])
    many = folder / "many.parquet"
    write_sessions(many, MANY)
    time_of_many, memory = peak_memory(ours(many, len(CORES)))
    return "\n".join(
        [
            "# How fast are files scored?",
            "",
            f"{ROWS:,} raw sessions, Parquet to Parquet, on one core: medians of {ROUNDS} rounds",
            "in which both take turns. Rows a second leave out start-up, which a file of one row",
            "takes. Both round scores and decide; `ecom score` checks every value besides. Written",
            "by `make bench-score`.",
            "",
            markdown_table(
                ["", "rows a second", "`ecom score` is faster by", "seconds in all"], rows
            ),
            "",
            f"Two processes on two cores take {both:.1f} s instead of {alone:.1f} s. {MANY:,} rows",
            f"take {time_of_many:.0f} s with {len(CORES)} processes, which never hold more than",
            f"{memory:,.0f} MiB together.",
            "",
        ]
    )


def main() -> None:
    """Measure, and write the page; with arguments, be the peer."""
    if len(sys.argv) > 1:
        source, target, chunk = sys.argv[1:]
        by_pipeline(Path(source), Path(target), int(chunk))
        return
    if not MODEL.exists():
        sys.exit(f"{MODEL.relative_to(ROOT)} is missing: run `dvc repro` first")
    with tempfile.TemporaryDirectory() as folder:
        page = measure(Path(folder))
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    Console().print(Markdown(page))


if __name__ == "__main__":
    main()
