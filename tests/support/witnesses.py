"""What a stage really opens, seen by Python itself, and by the kernel where strace is installed.

Python's audit hook (PEP 578) sees each open of Python code, in joblib's workers too, and the
variables that are asked for; it does not see what C libraries open (Arrow, SQLite) nor what other
programs do. strace sees every open of every process below, and no variables. Neither tells whether
a file was only looked for, or its times.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import source_from_cache
from pathlib import Path
from typing import NamedTuple

from project import ROOT, Project

WATCH = ROOT / "tests" / "support" / "watch"
HAS_STRACE = shutil.which("strace") is not None
NEEDS_STRACE = "strace is not installed (Debian: apt-get install strace)"

_OF_TWO = "rename,renameat,renameat2,link,linkat,symlink,symlinkat"
_OF_ONE = (
    "creat,unlink,unlinkat,rmdir,truncate,mkdir,mkdirat,chmod,fchmodat,chown,lchown,fchownat,"
    "utime,utimes,futimesat,utimensat"
)
_STRACE = (
    "strace",
    "-f",
    "-ff",
    "-qq",
    "-y",
    "-s",
    "4096",
    "--seccomp-bpf",
    "-e",
    "signal=none",
    "-e",
    f"trace=open,openat,openat2,{_OF_ONE},{_OF_TWO},connect,bind,sendto,sendmsg,sendmmsg,execve",
)
_OPENED = re.compile(r"^open(?:at2?)?\(.*?(\bO_[A-Z_|]+).*\) = \d+<(.*)>$")
_CALLED = re.compile(r"^(\w+)\((.*)\) = 0$")
_PATHS = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)"')
_ADDRESS = re.compile(r'^(?:connect|bind|send\w+)\(.*AF_INET6?.*?"([^"]+)"')
_STARTED = re.compile(r'^execve\("([^"]+)".*\) = 0$')
_WRITES = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND")
_TEMPORARY = re.compile(r"^\.(.+)\.\d+\.tmp$")  # of Stage.out

# Of the machine and of the installed packages, to be read: what requirements.txt and Python pin.
SURROUNDINGS = tuple(
    Path(os.path.realpath(path))
    for path in (
        sys.prefix,
        sys.base_prefix,
        "/bin",
        "/dev",
        "/etc",
        "/lib",
        "/lib64",
        "/proc",
        "/sys",
        "/usr",
        "/var/cache/fontconfig",
    )
)
# They tell of this machine or of who asks, not of what is installed.
_TELLTALE = re.compile(r"/proc/[^/]+/(environ|cmdline)|/etc/(hostname|machine-id|timezone)")
# Written to without a trace: nothing is kept there, or under a name that nobody knows.
_FORGETFUL = re.compile(
    r"/dev/(null|tty|shm/(sem\.[\w-]+|(loky|joblib|mp|pym)-?\S*))|/proc/self/\S+"
    r"|/var/cache/fontconfig/\S+"  # fc-list keeps the machine's list of fonts
)


class Seen(NamedTuple):
    """One thing that a stage did.

    `kind` is ``read``, ``write``, ``list``, ``network``, ``process`` or ``variable``; `what` a
    path from the project's root where it is below it, else an absolute one, a host or a name.
    """

    kind: str
    what: str


def observe(project: Project, stage: str) -> set[Seen]:
    """Run a stage by hand in the project's folder, as DVC does, under both witnesses.

    It has a home and a folder for temporary files of its own, both empty, which do not count.
    Byte-compiled modules count as their sources, temporary files of `Stage.out` as what they
    become; packages and the machine do not count where they are read.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for part in ("home", "log", "tmp"):
            (folder / part).mkdir()
        strace = [*_STRACE, "-o", str(folder / "log" / "kernel")] if HAS_STRACE else []
        project.run(
            *strace,
            sys.executable,
            f"stages/{stage}.py",
            ECOM_WATCH=str(folder / "log"),
            ECOM_WATCH_ROOT=f"{project.root}/",
            PYTHONPATH=str(WATCH),
            PYTHONDONTWRITEBYTECODE="1",
            HOME=str(folder / "home"),
            TMPDIR=str(folder / "tmp"),
        )
        seen = {
            Seen(*item)
            for log in (folder / "log").iterdir()
            for item in (
                _of_kernel(log, project.root) if log.name.startswith("kernel") else _of_python(log)
            )
        }
        return {
            Seen(kind, counted)
            for kind, what in seen
            if (counted := _counted(kind, what, project.root, (folder, WATCH)))
        }


def _of_python(log: Path) -> Iterator[tuple[str, str]]:
    for line in log.read_text(encoding="utf-8").splitlines():
        kind, what = json.loads(line)
        yield kind, what


def _of_kernel(log: Path, root: Path) -> Iterator[tuple[str, str]]:
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if opened := _OPENED.match(line):
            flags, path = opened.groups()
            kind = "write" if any(flag in flags for flag in _WRITES) else "read"
            yield ("list" if "O_DIRECTORY" in flags else kind), path
        elif address := _ADDRESS.match(line):
            yield "network", address[1]
        elif started := _STARTED.match(line):
            yield "process", Path(started[1]).name
        elif called := _CALLED.match(line):
            yield from _of_call(called[1], called[2], root)


def _of_call(call: str, arguments: str, root: Path) -> Iterator[tuple[str, str]]:
    paths = [str(Path(folder or root) / name) for folder, name in _PATHS.findall(arguments)]
    if call in _OF_TWO.split(","):
        yield ("write" if call.startswith("rename") else "read"), paths[0]
        yield "write", paths[1]
    elif call in _OF_ONE.split(",") and paths:
        yield "write", paths[0]


def _counted(kind: str, what: str, root: Path, own: tuple[Path, ...]) -> str | None:
    """Return the path as dvc.yaml would declare it, or None if it needs no declaration."""
    if kind not in {"read", "write", "list"}:
        return what
    path = Path(os.path.realpath(what))
    if any(path.is_relative_to(each) for each in own):
        return None
    if path.parent.name == "__pycache__" and path.suffix == ".pyc":
        path = Path(source_from_cache(str(path)))
    if temporary := _TEMPORARY.match(path.name):
        path = path.with_name(temporary[1])
    if path.is_relative_to(root):
        return str(path.relative_to(root))
    if kind == "write":
        return None if _FORGETFUL.fullmatch(str(path)) else str(path)
    of_machine = any(path.is_relative_to(each) for each in SURROUNDINGS)
    return str(path) if not of_machine or _TELLTALE.fullmatch(what) else None
