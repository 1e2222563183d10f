"""Writes down what a stage, and every Python process below it, reaches for.

Python loads this module at start-up where its folder is on PYTHONPATH, as `witnesses` puts it.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = os.environ.get("ECOM_WATCH")
ROOT = os.environ.get("ECOM_WATCH_ROOT", "")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OF_MAPPINGS = {os.__file__, "<frozen os>", "<frozen _collections_abc>"}
# What each event tells, of which of its arguments: https://docs.python.org/3/library/audit_events
_EVENTS: dict[str, tuple[tuple[str, int], ...]] = {
    **dict.fromkeys(("os.listdir", "os.scandir"), (("list", 0),)),
    **dict.fromkeys(
        ("os.remove", "os.truncate", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.utime"),
        (("write", 0),),
    ),
    "os.rename": (("write", 0), ("write", 1)),
    **dict.fromkeys(("os.link", "os.symlink"), (("read", 0), ("write", 1))),
    "sqlite3.connect": (("write", 0),),
    **dict.fromkeys(
        ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"), (("network", 1),)
    ),
    "socket.getaddrinfo": (("network", 0),),
    **dict.fromkeys(
        ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"), (("process", 0),)
    ),
}

_WITHIN_FOLDERS = {"os.remove", "os.rmdir", "os.mkdir"}  # whose last argument is one, or -1


def watch(folder: str) -> None:
    """Append a line to a file of this process's own for all that it reaches for."""
    log = os.open(Path(folder) / f"python.{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(kind: str, what: object) -> None:
        os.write(log, f"{json.dumps([kind, str(what)])}\n".encode())

    def say_one(kind: str, what: Any, folder: int = -1) -> None:
        if kind == "network":
            if isinstance(what, tuple):  # of the internet; other addresses are of this machine
                say(kind, what[0])
            elif isinstance(what, str) and not what.startswith("/"):
                say(kind, what)
        elif isinstance(what, str | bytes | os.PathLike):  # else open already: its descriptor
            name = os.fsdecode(what)
            start = Path(f"/proc/self/fd/{folder}").readlink() if folder >= 0 else Path.cwd()
            say(kind, Path(name).name if kind == "process" else start / name)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            say_one("write" if arguments[2] & _WRITES else "read", arguments[0])
        else:
            folder = arguments[-1] if event in _WITHIN_FOLDERS else -1
            for kind, place in _EVENTS.get(event, ()):
                say_one(kind, arguments[place], folder)

    sys.addaudithook(hook)
    _watch_environment(say)


def _watch_environment(say: Any) -> None:
    """Tell the variables that the project's own code asks for; there is no event for them."""
    mapping: Any = type(os.environ)
    plain = mapping.__getitem__

    def getitem(self: Mapping[str, str], key: str) -> Any:
        frame = sys._getframe(1)
        while frame.f_back and frame.f_code.co_filename in _OF_MAPPINGS:
            frame = frame.f_back
        if frame.f_code.co_filename.startswith(ROOT):
            say("variable", key)
        return plain(self, key)

    mapping.__getitem__ = getitem


if FOLDER:
    watch(FOLDER)
