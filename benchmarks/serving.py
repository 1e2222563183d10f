"""How fast is the service? Against peers that serve the same model; writes docs/serving.md.

Each server has one core to itself, wrk another. The servers take turns over several rounds, and
the figures are medians of the rounds, so that a machine that others use favours none of them.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "stages"))

import _stage  # noqa: F401  thread counts of the pipeline

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "models" / "package"
PAGE = ROOT / "docs" / "serving.md"
PEERS = Path(__file__).parent / "serving_peers.py"
ROUNDS = 5
SECONDS = 3
BUSY = 16  # connections that ask at the same time, for requests a second
PORT = 8765
CORES = sorted(os.sched_getaffinity(0))[:2]

OURS = "this service"
FLOOR = "the same, answering a constant"
JOBLIB = "FastAPI and joblib"
MLFLOW = "mlflow models serve"
LATENCY = re.compile(r"(50|99)%\s+([\d.]+)(us|ms|s)\b")
NEWLINE = "\n"
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Measured:
    """What wrk saw: milliseconds with one connection, and requests a second with many."""

    p50: float
    p99: float
    rate: float


def commands() -> dict[str, list[str]]:
    """Return how each server is started."""
    python = sys.executable
    return {
        OURS: [python, "-m", "ecom", "serve", "--port", str(PORT)],
        FLOOR: [python, str(PEERS), "floor", str(PORT)],
        JOBLIB: [python, str(PEERS), "joblib", str(PORT)],
        MLFLOW: [python, str(PEERS), "mlflow", str(PORT)],
    }


@contextmanager
def running(command: list[str], path: str, body: bytes) -> Iterator[tuple[float, int]]:
    """Run a server on one core; yield seconds until its first answer, and its resident bytes."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        ["taskset", "-c", str(CORES[0]), *command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not answers(path, body):
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended")
            time.sleep(0.02)
        seconds = time.perf_counter() - begun
        whole = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        yield seconds, sum(each.memory_info().rss for each in whole)
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def answers(path: str, body: bytes) -> bool:
    """Tell whether the server answers a request."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}{path}", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30):  # noqa: S310  loopback
            return True
    except OSError:
        return False


def wrk(path: str, body: bytes, connections: int) -> str:
    """Ask for a while; return what wrk prints."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua", encoding="utf-8") as script:
        script.write(
            'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
            f"wrk.body = [==[{body.decode()}]==]\n"
        )
        script.flush()
        options = ("-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", script.name)
        done = subprocess.run(
            ["taskset", "-c", str(CORES[1]), "wrk", *options, f"http://127.0.0.1:{PORT}{path}"],
            capture_output=True,
            text=True,
            check=True,
        )
    if "Non-2xx" in done.stdout:
        raise SystemExit(f"{path} was refused:\n{done.stdout}")
    return done.stdout


def measured(path: str, body: bytes) -> Measured:
    """Measure one server that runs."""
    alone = {
        share: float(value) * UNITS[unit]
        for share, value, unit in LATENCY.findall(wrk(path, body, 1))
    }
    rate = re.search(r"Requests/sec:\s+([\d.]+)", wrk(path, body, BUSY))
    assert rate  # noqa: S101  wrk prints it always
    return Measured(alone["50"], alone["99"], float(rate[1]))


def median(rounds: list[Measured]) -> Measured:
    """Return the median of each figure."""
    return Measured(
        *(
            statistics.median(getattr(one, name) for one in rounds)
            for name in ("p50", "p99", "rate")
        )
    )


def in_process(session: dict[str, Any]) -> tuple[float, float]:
    """Return milliseconds for one session, by the graph and by the fitted pipeline."""
    import joblib
    import pandas as pd

    from ecom.serving.package import open_package
    from ecom.serving.sessions import Reader

    package = open_package(PACKAGE)
    inputs = Reader(package.manifest.columns).one(json.dumps(session).encode())
    model = joblib.load(ROOT / "models" / "best_model.joblib")
    frame = pd.DataFrame([session])

    def best(ask: Callable[[], Any], times: int) -> float:
        found = []
        for _ in range(times):
            begun = time.perf_counter()
            ask()
            found.append(time.perf_counter() - begun)
        return 1000 * statistics.median(found)

    graph = package.scorer.model
    return (
        best(lambda: graph.run(["log_odds", "probability"], inputs), 3000),
        best(lambda: model.predict_proba(frame), 100),
    )


def main() -> None:
    """Measure, print and write the page."""
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not installed (Debian: apt-get install wrk)")
    golden = json.loads((PACKAGE / "golden.json").read_bytes())
    session = golden[0]["session"]
    body = json.dumps(session).encode()
    batch = json.dumps({"sessions": [session] * 1000}).encode()
    paths = {
        name: ("/predict", body) if name != MLFLOW else ("/invocations", b"") for name in commands()
    }
    paths[MLFLOW] = ("/invocations", json.dumps({"dataframe_records": [session]}).encode())
    rounds: dict[str, list[Measured]] = {}
    starts: dict[str, list[tuple[float, int]]] = {}
    for turn in range(ROUNDS):
        for name, command in commands().items():
            with running(command, *paths[name]) as start:
                wrk(*paths[name], 1)  # warms up
                starts.setdefault(name, []).append(start)
                rounds.setdefault(name, []).append(measured(*paths[name]))
                if name == OURS:
                    for path, content in (("/explain", body), ("/predict/batch", batch)):
                        rounds.setdefault(path, []).append(measured(path, content))
            print(f"round {turn + 1} of {ROUNDS}: {name}", file=sys.stderr)
    found = {name: median(each) for name, each in rounds.items()}
    page = to_markdown(found, starts, in_process(session))
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    print(page)


def to_markdown(
    found: dict[str, Measured],
    starts: dict[str, list[tuple[float, int]]],
    alone: tuple[float, float],
) -> str:
    """Write the page."""
    ours, floor = found[OURS], found[FLOOR]
    rows = []
    for name in commands():
        one = found[name]
        seconds = statistics.median(start for start, _ in starts[name])
        size = statistics.median(size for _, size in starts[name])
        rows.append(
            f"| {name} | {one.p50:.2f} | {one.p99:.2f} | {one.rate:,.0f} "
            f"| {one.rate / ours.rate:.3f} | {seconds:.1f} | {size / 2**20:,.0f} |"
        )
    graph, pipeline = alone
    explain, batch = found["/explain"], found["/predict/batch"]
    return f"""# How fast the service is

One session a request, each server on one core and wrk on another, medians of {ROUNDS} rounds of
{SECONDS} s in which they took turns. Latencies are those of one connection, requests a second those
of {BUSY}. Written by `make bench-serve`.

| server | p50, ms | p99, ms | requests/s | share of them | ready after, s | resident, MiB |
|---|---|---|---|---|---|---|
{NEWLINE.join(rows)}

- Beside an application that validates a session and answers a constant, p50 is
  {ours.p50 / floor.p50:.2f} times as long and p99 {ours.p99 / floor.p99:.2f} times.
- It answers {ours.rate / found[MLFLOW].rate:.0f} times the requests of `mlflow models serve`.
- `/explain` takes {explain.p50:.2f} ms (p50), {explain.p50 / ours.p50:.2f} times `/predict`.
- A batch of 1,000 sessions takes {batch.p50:.1f} ms (p50), request and answer included.
- Without HTTP, a session takes the graph {graph:.3f} ms, and the fitted pipeline {pipeline:.1f} ms.
"""


if __name__ == "__main__":
    main()
