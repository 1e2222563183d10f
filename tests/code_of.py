"""What the source of a stage reaches, read without running it and without dvc.yaml."""

import ast

import grimp

from ecom import params as params_module
from project import ROOT

SECTIONS = {section.__name__: section.name for section in params_module.SECTIONS}
IMPORTS = grimp.build_graph("ecom", exclude_type_checking_imports=True)


def script(name: str) -> ast.Module:
    return ast.parse((ROOT / "stages" / f"{name}.py").read_text(encoding="utf-8"))


def imported_modules(tree: ast.Module) -> set[str]:
    """Return the modules that a script imports anywhere but for type checking."""
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    return modules


def path_of(module: str) -> str:
    path = f"src/{module.replace('.', '/')}"
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


def code_that_runs_in(stage: str) -> set[str]:
    """Return the files of every module that a stage imports, transitively, and its own."""
    direct = imported_modules(script(stage)) | imported_modules(script("_stage"))
    modules = {module for module in direct if module.split(".")[0] == "ecom"} | {"ecom"}
    for module in tuple(modules):
        modules |= IMPORTS.find_upstream_modules(module)
    # A module runs after the packages that it is in.
    modules |= {".".join(module.split(".")[:2]) for module in modules}
    return {path_of(module) for module in modules} | {f"stages/{stage}.py", "stages/_stage.py"}


def sections_read_by(stage: str) -> set[str]:
    """Return the sections of params.yaml that a stage asks for, and the label of its metrics."""
    calls = [node for node in ast.walk(script(stage)) if isinstance(node, ast.Call)]
    read = {
        SECTIONS[node.args[0].id]
        for node in calls
        if isinstance(node.func, ast.Attribute)
        and node.func.attr == "params"
        and isinstance(node.args[0], ast.Name)
    }
    labels = any(
        isinstance(node.func, ast.Attribute) and node.func.attr == "write_metrics" for node in calls
    )
    return read | ({"data.source"} if labels and "data" not in read else set())
