"""Leave out of an image what nothing there uses: ``trim.py FOLDER...``, in a stage of its build."""

import shutil
import struct
import sys
import sysconfig
from pathlib import Path
from typing import Final

STDLIB: Final = sysconfig.get_path("stdlib")
ANYWHERE: Final = frozenset({"__pycache__", "test", "tests"})
# Of the system; its own folders of packages hold pip alone.
PATHS: Final = (
    *(f"{STDLIB}/{name}" for name in ("ensurepip", "idlelib", "lib2to3", "pydoc_data")),
    *(f"{STDLIB}/{name}" for name in ("site-packages", "tkinter", "turtledemo")),
    *(f"/usr/share/{name}" for name in ("doc", "info", "lintian", "locale", "man")),
    *("/usr/lib/python3", "/var/cache", "/var/lib/apt", "/var/log"),
)
PATTERNS: Final = (
    "onnxruntime/capi/libonnxruntime.so*",  # for other languages: Python has one of its own
    *(f"onnxruntime/{name}" for name in ("quantization", "tools", "transformers")),
    "numpy/distutils",
    "gconv",  # character sets of the C library: Python has its own
    "*.pyi",
)
ELF64: Final = b"\x7fELF\x02\x01"
SECTION: Final = 64  # bytes of an entry in the table of sections
PT_NULL: Final = 0


def trim(folder: Path) -> None:
    """Remove, cut, and let everybody read what is left."""
    unused = [path for path in folder.rglob("*") if path.name in ANYWHERE and path.is_dir()]
    unused += map(Path, PATHS)
    unused += [path for pattern in PATTERNS for path in folder.rglob(pattern)]
    for path in unused:  # some in others of them
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            continue
        mode = 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644
        if path.is_file() and ".so" in path.suffixes:
            cut(path)
        path.chmod(mode)


def cut(path: Path) -> None:
    """Cut off a library what follows the last part that is loaded: symbols for debuggers."""
    content = bytearray(path.read_bytes())
    if not content.startswith(ELF64):
        return
    (begin,) = struct.unpack_from("<Q", content, 32)
    size, number = struct.unpack_from("<HH", content, 54)
    end = begin + size * number
    for part in range(begin, end, size):
        kind, _, offset, _, _, length = struct.unpack_from("<IIQQQQ", content, part)
        if kind != PT_NULL:
            end = max(end, offset + length)
    struct.pack_into("<Q", content, 40, 0)  # there is no table of sections any more
    struct.pack_into("<HHH", content, 58, SECTION, 0, 0)
    shorter = path.with_name(f"{path.name}.cut")  # this process may have loaded the library
    shorter.write_bytes(content[:end])
    shorter.replace(path)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        trim(Path(argument))
    Path(__file__).unlink()  # of no more use either
