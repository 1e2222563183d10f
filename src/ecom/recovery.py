"""What a kill leaves half written of DVC's own files, which it writes in place.

Stages write to a temporary file and rename it; DVC does so neither with dvc.lock nor with the list
of who reads and writes what. Cut files stop each later `dvc repro`.
"""

import json
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from zc.lockfile import LockError, LockFile

from ecom.repository import git

HELD: Final = ("lock", "rwlock.lock")  # by DVC while it writes the two files below
LOCK: Final = "dvc.lock"
CUT: Final = ".dvc/tmp/dvc.lock.cut"
CONFLICT: Final = b"<<<<<<< "  # of a merge, which is for people to solve
IN_USE: Final = ".dvc/tmp/rwlock"  # which process reads or writes which file


def recover(root: Path) -> list[str]:
    """Replace the files of DVC that a kill has cut, unless DVC is at work on them.

    Nothing is lost but time: what had run is in DVC's run cache, and is restored from there.

    Returns
    -------
    list
        A line for each file that was replaced, what with.
    """
    folder = root / ".dvc" / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            for name in HELD:
                stack.enter_context(closing(LockFile(str(folder / name))))
        except LockError:
            return []
        return _recover(root)


def _recover(root: Path) -> list[str]:
    said = []
    in_use = root / IN_USE
    if in_use.exists() and not _is_json(in_use.read_bytes()):
        in_use.unlink()
        said.append(f"{IN_USE} was cut off, as by a kill: removed")
    lock = root / LOCK
    if lock.exists() and not _is_lock(content := lock.read_bytes()) and CONFLICT not in content:
        (root / CUT).write_bytes(content)
        committed = git(root, "show", f"HEAD:./{LOCK}")
        if committed:
            whole = lock.with_name(f".{LOCK}.tmp")
            whole.write_text(f"{committed}\n", encoding="utf-8")
            whole.replace(lock)
        else:
            lock.unlink()
        with_what = "the committed one is back" if committed else "removed"
        said.append(f"{LOCK} was cut off, as by a kill: {with_what}, and what was left is in {CUT}")
    return said


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def _is_lock(content: bytes) -> bool:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        lock = YAML(typ="safe").load(content.decode())
        COMPILED_LOCKFILE_SCHEMA(lock)
    except (YAMLError, Invalid, ValueError):
        return False
    files = [
        file for stage in lock.get("stages", {}).values() for kind in ("deps", "outs")
        for file in stage.get(kind, [])
    ]  # fmt: skip
    # The first digits of a hash may read as a number, on which DVC breaks.
    return all(isinstance(file.get("md5", ""), str) for file in files)
