"""Time the committed pipeline in its own clone: cold, with nothing to do, one parameter changed.

Machines differ and drift, so each figure stands beside a yardstick of the same run: the cold graph
beside the import of scikit-learn; the no-op beside ``dvc status`` and beside DVC's own floor, a
``dvc repro`` with nothing to do in a project of a single stage; one parameter changed beside the
cold graph.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
REPEATS = 5

# Runs a stage and prints the seconds that its own process spent in import statements.
TIMED_STAGE = """
import builtins, runpy, sys, time
plain, depth, spent = builtins.__import__, 0, 0.0
def timed(*arguments, **options):
    global depth, spent
    depth, start = depth + 1, time.perf_counter()
    try:
        return plain(*arguments, **options)
    finally:
        depth -= 1
        spent += (time.perf_counter() - start) * (depth == 0)
builtins.__import__ = timed
sys.path.insert(0, "stages")
runpy.run_path(sys.argv.pop(1), run_name="__main__")
print(spent)
"""


class Stage(NamedTuple):
    """Wall seconds, share of them spent in the imports of its own process, peak MiB."""

    seconds: float
    importing: float
    memory: float


def seconds(*command: str, cwd: Path) -> float:
    """Run a command to its end, in silence, and return how long it took."""
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def interleaved(*commands: list[str], cwd: Path) -> list[float]:
    """Return the median seconds of each command, run in turns so that drift hits all alike."""
    rounds = [[seconds(*command, cwd=cwd) for command in commands] for _ in range(REPEATS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def run_stage(script: str, cwd: Path) -> Stage:
    """Run a stage by hand; its peak memory is that of all its processes, sampled."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", TIMED_STAGE, script], cwd=cwd, stdout=output
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, resident_bytes(process.pid))
            time.sleep(0.02)
        wall = time.perf_counter() - start
        if process.returncode:
            sys.exit(f"{script} failed")
        output.seek(0)
        importing = float(output.read().splitlines()[-1])
    return Stage(wall, importing / wall, peak / 2**20)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and all that it started."""
    try:
        process = psutil.Process(pid)
        return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    except psutil.NoSuchProcess:  # one ended meanwhile
        return 0


def make_single_stage_project(folder: Path) -> Path:
    """Make and reproduce the smallest DVC project."""
    folder.mkdir()
    pipeline = "stages:\n  least:\n    cmd: echo > least.txt\n    outs: [least.txt]\n"
    (folder / "dvc.yaml").write_text(pipeline)
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"], ["dvc", "repro", "-q"]):
        subprocess.run(command, cwd=folder, check=True)
    return folder


def main() -> None:
    """Print the tables."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    console = Console()
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    with tempfile.TemporaryDirectory() as folder, console.status("") as status:
        clone = Path(folder) / "project"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        (Path(folder) / "shared").symlink_to(ROOT.parent / "shared")

        status.update("cold dvc repro")
        (yardstick,) = interleaved([sys.executable, "-c", "import sklearn.linear_model"], cwd=clone)
        cold = seconds("dvc", "repro", "--quiet", cwd=clone)
        status.update("nothing to do")
        floor = make_single_stage_project(Path(folder) / "floor")
        repro, least, bare, run = interleaved(
            ["dvc", "repro", "--quiet"],
            ["dvc", "--cd", str(floor), "repro", "--quiet"],
            ["dvc", "status", "--quiet"],
            [sys.executable, "-m", "ecom", "run"],
            cwd=clone,
        )
        status.update("one parameter")
        changed = seconds("dvc", "exp", "run", "--quiet", "-S", "tune.n_iter=30", cwd=clone)
        subprocess.run(["git", "reset", "--quiet", "--hard"], cwd=clone, check=True)

        table = Table(title="Stage by stage", title_justify="left")
        for heading in ("stage", "seconds", "importing", "peak MiB"):
            table.add_column(heading, justify="left" if heading == "stage" else "right")
        for name in stages:
            status.update(name)
            stage = run_stage(f"stages/{name}.py", clone)
            table.add_row(
                name, f"{stage.seconds:.1f}", f"{stage.importing:.0%}", f"{stage.memory:.0f}"
            )

    console.print(table)
    console.print(
        f"cold dvc repro: {cold:.1f} s, {cold / yardstick:.1f} x import sklearn.linear_model "
        f"({yardstick:.2f} s)\n"
        f"nothing to do: dvc repro {repro:.2f} s, {repro / least:.2f} x that of a single stage "
        f"({least:.2f} s), {repro / bare:.2f} x dvc status ({bare:.2f} s);\n  "
        f"make run {run:.2f} s, {run / repro:.2f} x dvc repro\n"
        f"one parameter, -S tune.n_iter=30: {changed:.1f} s, {changed / cold:.2f} x cold",
        soft_wrap=True,
        highlight=False,
    )


if __name__ == "__main__":
    main()
