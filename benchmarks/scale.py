"""How do stages and scoring grow with the sessions? Writes tables of docs/scale.md and runbook.md.

Generated sessions, ten times as many each time. The stages that fit models get a sample of the
training rows, as `split.max_train_rows` draws it; those that judge see all test rows. Machines
differ and drift, so each size stands beside a yardstick of the same minute: pandas reading the raw
file.
"""

import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent.parent / "stages"))

from _environment import ROOT

from rich.console import Console
from rich.markdown import Markdown

from ecom.notation import markdown_table
from ecom.project import files
from scoring import ours, peak_memory

PAGE: Final = ROOT / "docs" / "scale.md"
SERVING: Final = ROOT / "docs" / "serving.md"
RUNBOOK: Final = ROOT / "docs" / "runbook.md"
SIZES: Final = tuple(10**power for power in range(4, 8))
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

Measured = tuple[float, float]  # seconds, and MiB at the most

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


def settings(rows: int) -> list[str]:
    """Return what to set for so many generated sessions."""
    return [
        "data.source=synthetic",
        f"data.synthetic.rows={rows}",
        "validate.min_rows=1",
        f"validate.max_rows={rows}",
        f"split.max_train_rows={min(SAMPLE, rows // 2)}",
        f"bootstrap.resamples={RESAMPLES}",
        "tune.n_iter=1",
        "cross_fit.repeats=2",
    ]


def measure_stages(clone: Path, rows: int) -> dict[str, Measured]:
    """Run the stages in a clone; return what each took, and reading the raw file by pandas."""
    set_params(clone, settings(rows))
    found: dict[str, Measured] = {}
    order = ("fetch", "validate", "clean", "features", *SAMPLE_ONLY, "evaluate", "explain")
    for stage in (*order, "model_card", "package"):
        found[stage] = peak_memory([sys.executable, f"stages/{stage}.py"], clone)
        Console().print(f"{rows:,} {stage}: {found[stage][0]:.1f} s, {found[stage][1]:,.0f} MiB")
    found["pandas reads the raw file"] = peak_memory([sys.executable, "-c", READ], clone)
    return found


def set_params(clone: Path, changes: Sequence[str]) -> None:
    """Change params.yaml of a clone."""
    from ruamel.yaml import YAML

    yaml, path = YAML(), clone / files.PARAMS
    content = yaml.load(path)
    for change in changes:
        name, _, value = change.partition("=")
        *sections, key = name.split(".")
        section = content
        for each in sections:
            section = section[each]
        section[key] = json.loads(value) if value[0].isdigit() else value
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
    return peak_memory(ours(source, len(os.sched_getaffinity(0))), ROOT)


def measure_fits(clone: Path) -> dict[str, list[Measured]]:
    """Fit each candidate to more and more sessions; what making the sessions takes is left out."""
    found: dict[str, list[Measured]] = {}
    for candidate in CANDIDATES:
        for rows in FITTED:
            made, fitted = (
                peak_memory([sys.executable, "-c", FIT, candidate, str(rows), what], clone)
                for what in ("make", "fit")
            )
            found.setdefault(candidate, []).append((max(fitted[0] - made[0], 0.01), fitted[1]))
            Console().print(f"{rows:,} {candidate}: {found[candidate][-1][0]:.1f} s")
    return found


def exponent(values: Sequence[float], rows: Sequence[int]) -> str:
    """Return the power of the number of rows by which the last step grew; 1 is in proportion."""
    power = math.log(values[-1] / values[-2]) / math.log(rows[-1] / rows[-2])
    return f"{power:.2f}"


def growth_table(heading: str, found: dict[str, list[Measured]], rows: Sequence[int]) -> str:
    """Return a table of seconds and MiB by number of rows, with the power of the last step."""
    header = [heading]
    for size in rows:
        header.append(f"{size:,}: s")
        header.append("MiB")
    header += ["s grow by rows to the", "MiB to the"]
    lines = []
    for name, measured in found.items():
        line = [name]
        for seconds, memory in measured:
            line += [f"{seconds:,.1f}", f"{memory:,.0f}"]
        for place in (0, 1):
            line.append(exponent([each[place] for each in measured], rows))
        lines.append(line)
    return markdown_table(header, lines)


def plan(scored: list[Measured], bytes_per_session: float, cores: int) -> str:
    """Return what a day of `DAY` sessions needs, by the rate of the largest size."""
    (small, _), (large, memory) = scored[-2:]
    rate = (SIZES[-1] - SIZES[-2]) / (large - small) / cores
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
    """Measure, and write the tables."""
    stages: dict[str, list[Measured]] = {}
    scored: list[Measured] = []
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clone = folder / "project"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for rows in SIZES:
            for stage, measured in measure_stages(clone, rows).items():
                stages.setdefault(stage, []).append(measured)
            scored.append(measure_scoring(clone, folder))
        bytes_per_session = (folder / "in.parquet").stat().st_size / SIZES[-1]
        fits = measure_fits(clone)
    every: dict[str, list[Measured]] = {
        name: measured for name, measured in stages.items() if name not in SAMPLE_ONLY
    }
    fitting: Any = zip(*(stages[name] for name in SAMPLE_ONLY), strict=True)
    every[f"the {len(SAMPLE_ONLY)} stages that see the sample alone"] = [
        (sum(seconds for seconds, _ in each), max(memory for _, memory in each)) for each in fitting
    ]
    every[f"`ecom score`, Parquet, {cores} processes"] = scored
    write("stages", growth_table("", every, SIZES), PAGE)
    write("fits", growth_table("one fit of", fits, FITTED), PAGE)
    write("plan", plan(scored, bytes_per_session, cores), PAGE)
    write("capacity", capacity(), RUNBOOK)
    Console().print(Markdown(PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
