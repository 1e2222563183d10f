"""What is cut off a library is nothing that is loaded."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import trim

library = importlib.import_module("_ruamel_yaml")  # in C, with a table of symbols, of no package

FILE = Path(str(library.__file__))


def test_a_library_is_shorter_and_still_loads(tmp_path: Path) -> None:
    copy = Path(shutil.copy(FILE, tmp_path))

    trim.cut(copy)

    assert copy.stat().st_size < 0.5 * FILE.stat().st_size
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import _ruamel_yaml\n"
        "print(_ruamel_yaml.__file__)\n"
        "print(_ruamel_yaml.get_version_string())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert done.stdout == f"{copy}\n{library.get_version_string()}\n"


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x01\x01", b"INPUT(libc.so.6)"])
def test_what_is_no_library_of_64_bits_is_left_alone(tmp_path: Path, content: bytes) -> None:
    script = tmp_path / "lib.so"
    script.write_bytes(content)

    trim.cut(script)

    assert script.read_bytes() == content


def test_tests_and_stubs_go_and_everybody_may_read_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trim, "PATHS", ())  # those are of this machine
    for name in ("numpy/tests/test_x.py", "numpy/core.py", "numpy/core.pyi", "run"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch(0o700 if name == "run" else 0o600)

    trim.trim(tmp_path)

    left = {
        path.relative_to(tmp_path).as_posix(): oct(path.stat().st_mode)[-3:]
        for path in tmp_path.rglob("*")
    }
    assert left == {"numpy": "755", "numpy/core.py": "644", "run": "755"}
