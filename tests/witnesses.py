"""What a stage really opens: told by Python itself, and by the kernel where strace is at hand.

Python's audit hook (PEP 578) sees each open of Python code, in joblib's workers too, and the
variables that are asked for; it does not see what C libraries open (Arrow, SQLite) nor what other
programs do. strace sees every open of every process below, and no variables.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import source_from_cache
from pathlib import Path, PurePath
from typing import NamedTuple

from project import ROOT, Project

WATCH = ROOT / "tests" / "watch"
HAS_STRACE = shutil.which("strace") is not None
NEEDS_STRACE = "strace is not installed (Debian: apt-get install strace)"

_FILES = "open,openat,openat2,creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat"
_STRACE = (
    "strace", "-f", "-ff", "-qq", "-y", "-s", "4096", "--seccomp-bpf", "-e", "signal=none",
    "-e", f"trace={_FILES},unlink,unlinkat,truncate,mkdir,mkdirat,connect,bind,sendto,execve",
)  # fmt: skip
_OPENED = re.compile(r"^(?:open|openat|openat2|creat)\(.*?(\bO_[A-Z_|]+).*\) = \d+<(.*)>$")
_CREATED = re.compile(r'^(?:rename|link|symlink|truncate|unlink|mkdir)\w*\(.*"(.*)"[^"]*\) = 0$')
_ADDRESS = re.compile(r'^(?:connect|bind|sendto)\(.*AF_INET6?.*?"([^"]+)"')
_STARTED = re.compile(r'^execve\("([^"]+)".*\) = 0$')
_WRITES = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND")
_TEMPORARY = re.compile(r"^\.(.+)\.\d+\.tmp$")  # of Stage.out

# Of the machine and of the installed packages: what requirements.txt and the Python pin.
SURROUNDINGS = tuple(
    os.path.realpath(path)
    for path in (
        sys.prefix, sys.base_prefix, "/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sys", "/usr",
    )
)  # fmt: skip


class Seen(NamedTuple):
    """One thing that a stage did.

    `kind` is ``read``, ``write``, ``list``, ``network``, ``process`` or ``variable``; `what` a
    path from the project's root where it is below it, else an absolute one, a host or a name.
    """

    kind: str
    what: str


def observe(project: Project, stage: str) -> set[Seen]:
    """Run a stage by hand, from another folder, under both witnesses.

    Byte-compiled modules count as their sources, temporary files of `Stage.out` as what they
    become, and neither what the stage itself wrote elsewhere nor the machine counts.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        strace = [*_STRACE, "-o", str(folder / "kernel")] if HAS_STRACE else []
        Project(folder).run(
            *strace, sys.executable, str(project.root / "stages" / f"{stage}.py"),
            ECOM_WATCH=name, ECOM_WATCH_ROOT=f"{project.root}/", PYTHONPATH=str(WATCH),
        )  # fmt: skip
        seen = {
            Seen(*item)
            for log in folder.iterdir()
            for item in (_of_kernel(log) if log.name.startswith("kernel") else _of_python(log))
        }
    own = {
        item for item in seen
        if any(PurePath(item.what).is_relative_to(path) for path in (folder, WATCH))
    }  # fmt: skip
    return _normal(seen - own, project.root)


def _of_python(log: Path) -> Iterator[tuple[str, str]]:
    for line in log.read_text(encoding="utf-8").splitlines():
        kind, what = json.loads(line)
        yield kind, what


def _of_kernel(log: Path) -> Iterator[tuple[str, str]]:
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if opened := _OPENED.match(line):
            flags, path = opened.groups()
            kind = "write" if any(flag in flags for flag in _WRITES) else "read"
            yield ("list" if "O_DIRECTORY" in flags else kind), path
        elif created := _CREATED.match(line):
            yield "write", created[1]
        elif address := _ADDRESS.match(line):
            yield "network", address[1]
        elif started := _STARTED.match(line):
            yield "process", Path(started[1]).name


def _normal(seen: set[Seen], root: Path) -> set[Seen]:
    found: dict[str, set[str]] = defaultdict(set)
    for kind, what in seen:
        if kind not in {"read", "write", "list"}:
            found[kind].add(what)
        elif path := _path(what, root):
            found[kind].add(path)
    found["read"] -= {path for path in found["write"] if path.startswith("/")}
    return {Seen(kind, what) for kind, all_of in found.items() for what in all_of}


def _path(what: str, root: Path) -> str | None:
    """Return a path as `Seen` tells it, None where it is of the machine or of no project."""
    path = Path(os.path.realpath(what))
    if path.parent.name == "__pycache__" and path.suffix == ".pyc":
        path = Path(source_from_cache(str(path)))
    elif "__pycache__" in path.parts:
        return None
    if temporary := _TEMPORARY.match(path.name):
        path = path.with_name(temporary[1])
    if path.is_relative_to(root):
        return str(path.relative_to(root))
    return None if str(path).startswith(SURROUNDINGS) else str(path)
