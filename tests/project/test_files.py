"""Paths are those that dvc.yaml declares, and no other module of the library spells one."""

import ast
import re

from ecom.project import files
from ecom.project.files import curve, metrics_file
from project import ROOT
from scripts import DECLARED

OUTS = {path for stage in DECLARED.values() for path in stage.outs}
NAMED = {
    value
    for name, value in vars(files).items()
    if name.isupper()
    and isinstance(value, str)
    and re.match("(data|models|docs|plots)/.*[.]", value)
}
A_PATH = re.compile(r"(data|models|metrics|plots|docs|reports)/\S*[.]\w+|(dvc|params)\.(yaml|lock)")


def test_every_path_of_the_pipeline_is_an_output_of_a_stage() -> None:
    assert len(NAMED) > 10
    assert NAMED <= OUTS
    assert metrics_file("tune") in OUTS
    assert curve("best_model", "roc") in OUTS


def test_no_other_module_of_the_library_spells_a_path() -> None:
    spelled = [
        (path.relative_to(ROOT).as_posix(), node.value)
        for path in (ROOT / "src" / "ecom").rglob("*.py")
        if path.name != "files.py"
        for node in strings(ast.parse(path.read_text(encoding="utf-8")))
        if A_PATH.fullmatch(str(node.value))
    ]

    assert spelled == []


def strings(tree: ast.Module) -> list[ast.Constant]:
    """Return the strings of a module, without its docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]
