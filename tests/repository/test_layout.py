"""Tests mirror the rooms of the library: a file of tests for each module."""

from pathlib import Path

import pytest

from project import ROOT

LIBRARY, TESTS = ROOT / "src" / "ecom", ROOT / "tests"
MODULES = [
    path.relative_to(LIBRARY) for path in LIBRARY.rglob("*.py") if path.name != "__init__.py"
]
# What the scripts of the stages share; the scripts themselves run in tests/end_to_end.
SHARED = [path.relative_to(ROOT) for path in (ROOT / "stages").glob("_*.py")]


def test_file(module: Path) -> Path:
    name = module.stem.strip("_")
    return TESTS / module.parent / f"test_{name}.py"


test_file.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", [*MODULES, *SHARED], ids=str)
def test_each_module_has_a_test_file_of_the_same_name(module: Path) -> None:
    assert test_file(module).is_file()
    assert "def test_" in test_file(module).read_text(encoding="utf-8")


def test_an_init_module_holds_one_docstring_line_and_no_code() -> None:
    for path in LIBRARY.rglob("__init__.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) == 1
