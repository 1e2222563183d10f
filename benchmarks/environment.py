"""Weigh the environment that `make run` sets up: what is large, why it is there, how long it takes.

Packages come from the same index, and from no cache, with uv and with its peer, pip.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
SHOWN = 6
MIB = 2**20

INSTALLED: dict[str, Distribution] = {
    canonicalize_name(found.metadata["Name"]): found for found in distributions()
}


def size(distribution: Distribution) -> int:
    """Return the bytes of a distribution's files."""
    files = (Path(str(distribution.locate_file(file))) for file in distribution.files or ())
    return sum(file.stat().st_size for file in files if file.is_file())


def required(requirement: Requirement) -> set[str]:
    """Return a requirement and all that it requires in turn, as far as installed."""
    found: set[tuple[str, frozenset[str]]] = set()  # with the extras that were asked for
    left = [requirement]
    while left:
        one = left.pop()
        name, extras = canonicalize_name(one.name), frozenset(one.extras)
        if (name, extras) not in found and name in INSTALLED:
            found.add((name, extras))
            left += (
                part
                for text in INSTALLED[name].requires or ()
                if applies(part := Requirement(text), extras)
            )
    return {name for name, _ in found}


def applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Tell whether a requirement holds here, with some extras of what requires it."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def install_seconds(*command: str) -> float:
    """Install requirements.txt into a new environment, and return how long that took."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = str(Path(folder) / "bin" / "python")
        start = time.perf_counter()
        subprocess.run(
            [part.replace("PYTHON", python) for part in command],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - start


def main() -> None:
    """Print the tables."""
    console = Console()
    needs = {
        requirement.name: required(requirement)
        for text in INSTALLED["ecom"].requires or ()
        if applies(requirement := Requirement(text), ())
    }
    sizes = {name: size(INSTALLED[name]) / MIB for name in set().union(*needs.values())}
    alone = {
        name: sum(
            sizes[each]
            for each in wanted
            if not any(each in others for other, others in needs.items() if other != name)
        )
        for name, wanted in needs.items()
    }
    table = Table(title="What weighs most in .venv", title_justify="left")
    for heading in ("package", "MiB", "needed by"):
        table.add_column(heading, justify="right" if heading == "MiB" else "left")
    for package in sorted(sizes, key=lambda each: -sizes[each])[:SHOWN]:
        users = [name for name, wanted in needs.items() if package in wanted]
        table.add_row(package, f"{sizes[package]:.0f}", ", ".join(users))
    console.print(table)
    heaviest = sorted(alone, key=lambda name: -alone[name])[:3]
    console.print(
        f"{len(sizes)} packages, {sum(sizes.values()):.0f} MiB. Only for the sake of "
        + ", ".join(f"{name}: {alone[name]:.0f} MiB" for name in heaviest),
        soft_wrap=True,
        highlight=False,
    )
    options = ("--quiet", "--require-hashes", "-r", "requirements.txt")
    with console.status("installing"):
        uv = install_seconds(
            "uv",
            "pip",
            "install",
            "--no-cache",
            "--compile-bytecode",
            "--python",
            "PYTHON",
            *options,
        )
        pip = install_seconds("PYTHON", "-m", "pip", "install", "--no-cache-dir", *options)
    console.print(f"installed by uv in {uv:.1f} s, {uv / pip:.2f} x pip ({pip:.1f} s)")


if __name__ == "__main__":
    main()
