"""How do stages and scoring grow with the sessions? Writes tables of docs/scale.md and runbook.md.

Generated sessions, ten times as many each time. The stages that fit models get a sample of the
training rows, as `split.max_train_rows` draws it; those that judge see all test rows. Machines
differ and drift, so each size stands beside a yardstick of the same minute: pandas reading the raw
file.
"""

import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent / "stages"))

from _environment import ROOT

from rich.console import Console
from rich.markdown import Markdown

from ecom.data.synthetic import generate_sessions
from ecom.notation import markdown_table
from ecom.project import files
from scoring import ours, peak_memory

PAGE: Final = ROOT / "docs" / "scale.md"
SERVING: Final = ROOT / "docs" / "serving.md"
RUNBOOK: Final = ROOT / "docs" / "runbook.md"
SIZES: Final = tuple(10**power for power in range(4, 8))
GENERATED: Final = 1_000_000  # sessions that are made at a time
SAMPLE: Final = 10_000  # training rows
RESAMPLES: Final = 100  # of the test rows: the time of evaluate is in proportion
SAMPLE_ONLY: Final = ("baseline", "cv", "tune", "cross_fit", "feature_sets", "refit", "threshold")
CANDIDATES: Final = ("baseline", "logistic_interactions", "hist_gradient_boosting")
FITTED: Final = (10_000, 100_000, 1_000_000)
LOADS: Final = (100, 1_000, 10_000, 100_000)  # requests a second
BUSY: Final = 1 / 2  # so that one replica of two can go
DAY: Final = 10_000_000_000  # sessions
PRICE: Final = 0.04  # € for a core and an hour
MONTHLY: Final = 0.02  # € for a GB and a month in an object store

CORES: Final = len(os.sched_getaffinity(0))
YARDSTICK: Final = "pandas reads the raw file"

Measured = tuple[float, float]  # seconds, and MiB at the most
Found = Mapping[str, Mapping[int, Measured]]  # by name, then by number of rows

READ = "import pandas as pd; pd.read_csv('data/raw/online_shoppers_intention.csv')"
FIT = """
import sys; sys.path.insert(0, "stages")
import _environment
from ecom.data.synthetic import generate_sessions
from ecom.models.candidates import CANDIDATES
from ecom.models.pipelines import build_pipeline
from ecom.schema import FEATURES, TARGET
sessions = generate_sessions(int(sys.argv[2]), seed=1)
sessions["Weekend"] = sessions["Weekend"].astype("int64")
name = "logistic" if sys.argv[1] == "baseline" else sys.argv[1]
if sys.argv[3] == "fit":
    build_pipeline(name, seed=1).fit(sessions[list(FEATURES)], sessions[TARGET].astype("int64"))
"""


def settings(raw: Path, rows: int) -> dict[str, object]:
    """Return what to set for a raw file of so many sessions."""
    return {
        "data.sources": [str(raw)],
        "data.sha256": None,
        "validate.min_rows": 1,
        "validate.max_rows": rows,
        "split.max_train_rows": min(SAMPLE, rows // 2),
        "bootstrap.resamples": RESAMPLES,
        "tune.n_iter": 1,
        "cross_fit.repeats": 2,
    }


def write_raw(raw: Path, rows: int) -> None:
    """Write generated sessions, some at a time."""
    with raw.open("w", encoding="utf-8", newline="") as written:
        for seed, begin in enumerate(range(0, rows, GENERATED)):
            sessions = generate_sessions(min(GENERATED, rows - begin), seed=seed)
            sessions.to_csv(written, index=False, header=begin == 0)


def measure_stages(clone: Path, raw: Path, rows: int) -> Iterator[tuple[str, Measured]]:
    """Run the stages in a clone; yield what each took, and what reading the raw file by pandas."""
    set_params(clone, settings(raw, rows))
    order = ("fetch", "validate", "clean", "features", *SAMPLE_ONLY, "evaluate", "explain")
    for stage in (*order, "package"):
        yield stage, peak_memory([sys.executable, f"stages/{stage}.py"], clone)
    yield YARDSTICK, peak_memory([sys.executable, "-c", READ], clone)


def set_params(clone: Path, changes: Mapping[str, object]) -> None:
    """Change params.yaml of a clone."""
    from ruamel.yaml import YAML

    yaml, path = YAML(), clone / files.PARAMS
    content = yaml.load(path)
    for name, value in changes.items():
        *sections, key = name.split(".")
        section = content
        for each in sections:
            section = section[each]
        section[key] = value
    yaml.dump(content, path)


def measure_scoring(clone: Path, folder: Path) -> Measured:
    """Score the raw sessions of a clone, as Parquet, with the package of this checkout."""
    source = folder / "in.parquet"
    subprocess.run(
        [
            sys.executable,
            "-c",
            f"import pandas as pd; pd.read_csv('{clone / files.RAW}').to_parquet('{source}')",
        ],
        check=True,
    )
    return peak_memory(ours(source, CORES), ROOT)


def measure_fit(clone: Path, candidate: str, rows: int) -> Measured:
    """Fit a candidate to so many sessions; what making the sessions takes is left out."""
    made, fitted = (
        peak_memory([sys.executable, "-c", FIT, candidate, str(rows), what], clone)
        for what in ("make", "fit")
    )
    return max(fitted[0] - made[0], 0.01), fitted[1]


def growth_table(heading: str, found: Found) -> str:
    """Return a table of seconds and MiB by number of rows, with the power of the last step."""
    sizes = sorted({rows for measured in found.values() for rows in measured})
    header = [heading]
    for rows in sizes:
        header += [f"{rows:,}: s", "MiB"]
    header += ["s grow by rows to the", "MiB to the"]
    lines = []
    for name, measured in found.items():
        line = [name]
        for rows in sizes:
            seconds, memory = measured.get(rows, (None, None))
            line += ["" if seconds is None else f"{seconds:,.1f}"]
            line += ["" if memory is None else f"{memory:,.0f}"]
        lines.append([*line, *powers(measured)])
    return markdown_table(header, lines)


def powers(measured: Mapping[int, Measured]) -> list[str]:
    """Return by which power of the rows seconds and MiB grew in the last step."""
    before, last = sorted(measured)[-2:]
    return [
        f"{math.log(after / earlier) / math.log(last / before):.2f}"
        for earlier, after in zip(measured[before], measured[last], strict=True)
    ]


def by_stage(stages: Found, scored: Mapping[int, Measured]) -> Found:
    """Return the rows of the table: the stages that see the sample alone are one."""
    found = {name: measured for name, measured in stages.items() if name not in SAMPLE_ONLY}
    sizes = set.intersection(*(set(stages[name]) for name in SAMPLE_ONLY))
    found[f"the {len(SAMPLE_ONLY)} stages that see the sample alone"] = {
        rows: (
            sum(stages[name][rows][0] for name in SAMPLE_ONLY),
            max(stages[name][rows][1] for name in SAMPLE_ONLY),
        )
        for rows in sizes
    }
    found[f"`ecom score`, Parquet, {CORES} processes"] = dict(scored)
    return found


def plan(scored: Mapping[int, Measured], bytes_per_session: float) -> str:
    """Return what a day of `DAY` sessions needs, by the rate between the two largest sizes."""
    before, last = sorted(scored)[-2:]
    (small, _), (large, memory) = scored[before], scored[last]
    rate = (last - before) / (large - small) / CORES
    mean = DAY / 86_400
    needed = mean / rate
    terabytes = DAY * bytes_per_session / 1e12
    price, monthly = needed * 24 * PRICE, terabytes * 1000 * MONTHLY
    lines = [
        ["sessions a second, in the mean of a day", f"{mean:,.0f}"],
        ["sessions that a core scores a second, measured here", f"{rate:,.0f}"],
        ["cores, to score a day's files within the day", f"{needed:,.1f}"],
        ["cores, to score them within an hour", f"{needed * 24:,.0f}"],
        ["memory of all processes here while they score, MiB", f"{memory:,.0f}"],
        [f"€ for the cores of a day, at {PRICE:g} € for a core and an hour", f"{price:,.2f}"],
        ["bytes of a session in Parquet, as generated", f"{bytes_per_session:,.0f}"],
        ["TB of sessions a day", f"{terabytes:,.2f}"],
        [f"€ a month to keep one day's, at {MONTHLY:g} € for a GB", f"{monthly:,.0f}"],
    ]
    return markdown_table([f"{DAY:,} sessions a day", ""], lines)


def capacity() -> str:
    """Return how many replicas loads need, by the requests a second that docs/serving.md has."""
    page = SERVING.read_text(encoding="utf-8")
    found = re.search(r"^\| this service \|[^|]*\|[^|]*\| ([\d,]+) \|", page, re.MULTILINE)
    if found is None:
        sys.exit(f"{SERVING.name} has no row of this service: run `make bench-serve` first")
    rate = int(found[1].replace(",", ""))
    rows = [
        [f"{load:,}", f"{load * 86_400 / 1e6:,.0f}", f"{max(2, math.ceil(load / rate / BUSY)):,}"]
        for load in LOADS
    ]
    header = ["requests a second, at the peak", "million a day at that rate", "replicas"]
    return (
        f"A replica has one core, which answers {rate:,} requests a second, one session each. "
        "Replicas are to be busy half of the time at the peak, and there are never fewer than "
        "two:\n\n" + markdown_table(header, rows)
    )


def write(block: str, text: str, page: Path) -> None:
    """Put text between the markers of a block of a page."""
    begin, end = f"<!-- {block}: begin -->", f"<!-- {block}: end -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8", newline="\n")


def main() -> None:
    """Measure, and write the tables: after each size, since the last takes most of the time."""
    stages: dict[str, dict[int, Measured]] = {}
    scored: dict[int, Measured] = {}
    fits: dict[str, dict[int, Measured]] = {}
    write("capacity", capacity(), RUNBOOK)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clone = folder / "project"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for rows in SIZES:
            raw = folder / "raw.csv"
            write_raw(raw, rows)
            for stage, measured in measure_stages(clone, raw, rows):
                stages.setdefault(stage, {})[rows] = measured
                Console().print(f"{rows:,} {stage}: {measured[0]:.1f} s, {measured[1]:,.0f} MiB")
            scored[rows] = measure_scoring(clone, folder)
            if len(scored) > 1:
                bytes_per_session = (folder / "in.parquet").stat().st_size / rows
                size = (
                    f"The raw file of {rows:,} sessions has {raw.stat().st_size / 2**20:,.0f} MiB."
                )
                table = growth_table("", by_stage(stages, scored))
                write("stages", f"{table}\n\n{size}", PAGE)
                write("plan", plan(scored, bytes_per_session), PAGE)
        for candidate in CANDIDATES:
            for rows in FITTED:
                fits.setdefault(candidate, {})[rows] = measure_fit(clone, candidate, rows)
    write("fits", growth_table("one fit of", fits), PAGE)
    Console().print(Markdown(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
