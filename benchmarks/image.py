"""How large are the images, and how soon does the service answer? Writes a table in the docs.

The image runs as an engine would run it, and takes turns with the service of this checkout.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "deploy"), str(ROOT / "tests" / "support")]

from servers import free_port
from unpacked import Image, unpack

PAGE = ROOT / "docs" / "deployment.md"
BEGIN, END = "<!-- images: begin -->", "<!-- images: end -->"
SESSION = (ROOT / "docs" / "session.json").read_bytes()
ROUNDS = 9
MB = 1_000_000


def first_answer(command: list[str]) -> tuple[float, float]:
    """Run a service until it has answered; return the seconds that took, and its resident bytes."""
    port = free_port()
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not answers(port):
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(command)} ended")
            time.sleep(0.01)
        seconds = time.perf_counter() - begun
        started = psutil.Process(process.pid)
        return seconds, sum(one.memory_info().rss for one in [started, *started.children(True)])
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(port: int) -> bool:
    """Tell whether a session is scored."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict", SESSION, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310  loopback
            return True
    except OSError:
        return False


def size(image: Image) -> int:
    """Return the bytes of an image's files."""
    files = (path for path in image.root.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


def table(folder: Path) -> str:
    """Measure, and return the tables."""
    lines = ["| image | unpacked, MB | packed, MB |", "|---|---|---|"]
    images = {}
    for name in ("service", "pipeline"):
        archive = ROOT / "dist" / f"{name}.oci.tar"
        if not archive.exists():
            target = "image" if name == "service" else "image-pipeline"
            raise SystemExit(f"{archive} is missing: run `make {target}` first")
        images[name] = unpack(archive, folder / name)
        unpacked, packed = size(images[name]) / MB, archive.stat().st_size / MB
        lines.append(f"| {name} | {unpacked:,.0f} | {packed:,.0f} |")
    commands = {
        "the image": images["service"].command(),
        "the checkout": [sys.executable, "-m", "ecom", "serve"],
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            found[name].append(first_answer(command))
    lines += ["", "| service | first answer after, s | resident, MB |", "|---|---|---|"]
    for name, rounds in found.items():
        seconds, resident = (statistics.median(each) for each in zip(*rounds, strict=True))
        lines.append(f"| {name} | {seconds:.2f} | {resident / MB:,.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder:
        found = table(Path(folder))
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{found}\n{END}{after}", encoding="utf-8", newline="\n")
    print(found)


if __name__ == "__main__":
    main()
