"""Repair of DVC's own files, which a kill may leave cut off.

Stages write to a temporary file and rename it. DVC writes dvc.lock, and its list of the files in
use, in place; if a kill cuts them off, every later `dvc repro` stops.
"""

import json
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from zc.lockfile import LockError, LockFile

from ecom.project.files import LOCK
from ecom.project.formats import parse_yaml
from ecom.project.lock import Lock
from ecom.project.repository import git

DVC_LOCKS: Final = ("lock", "rwlock.lock")  # DVC holds them while it writes the two files below
IN_USE: Final = ".dvc/tmp/rwlock"  # which process reads or writes which file
CUT: Final = ".dvc/tmp/dvc.lock.cut"  # where a dvc.lock that was cut off is kept
CONFLICT: Final = b"<<<<<<< "  # of a merge, which people must solve


def recover(root: Path) -> list[str]:
    """Replace DVC's files that a kill has cut off, unless DVC is at work on them.

    Nothing is lost but time: DVC's run cache restores what had run.

    Returns
    -------
    list
        One line for each replaced file, which says what replaced it.
    """
    folder = root / ".dvc" / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            for name in DVC_LOCKS:
                stack.enter_context(closing(LockFile(str(folder / name))))
        except LockError:
            return []
        return [*_recover_list_of_files_in_use(root), *_recover_lock(root)]


def _recover_list_of_files_in_use(root: Path) -> list[str]:
    in_use = root / IN_USE
    if not in_use.exists() or _is_json(in_use.read_bytes()):
        return []
    in_use.unlink()
    return [f"{IN_USE} was cut off, probably by a kill: removed it"]


def _recover_lock(root: Path) -> list[str]:
    lock = root / LOCK
    if not lock.exists() or _is_lock(content := lock.read_bytes()) or CONFLICT in content:
        return []
    (root / CUT).write_bytes(content)
    committed = git(root, "show", f"HEAD:./{LOCK}")
    if committed:
        whole = lock.with_name(f".{LOCK}.tmp")
        whole.write_text(f"{committed}\n", encoding="utf-8")
        whole.replace(lock)
        action = "restored the committed one"
    else:
        lock.unlink()
        action = "removed it"
    return [f"{LOCK} was cut off, probably by a kill: {action}; what was left is in {CUT}"]


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
        lock = parse_yaml(content.decode())
        COMPILED_LOCKFILE_SCHEMA(lock)
        Lock.from_stages(lock.get("stages", {}))
    except (Invalid, ValueError):
        return False
    return True
