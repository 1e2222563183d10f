"""What the scripts of stages/ say, read without running them and without dvc.yaml."""

import ast

from ecom.params.backend import Backend
from ecom.params.section import Section
from ecom.project.declaration import declared_stages
from ecom.project.formats import parse_yaml
from ecom.project.params_file import SECTIONS
from project import ROOT

DECLARED = declared_stages(parse_yaml((ROOT / "dvc.yaml").read_text(encoding="utf-8")))
STAGES = tuple(DECLARED)
SECTIONS_READ: tuple[type[Section], ...] = (*SECTIONS.values(), Backend)
ITEMS = {section.__name__: section.items() for section in SECTIONS_READ}


def script(stage: str) -> ast.Module:
    """Return the script of a stage, parsed."""
    return ast.parse((ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8"))


def calls(stage: str, *names: str) -> list[ast.Call]:
    """Return the calls of some functions or methods in a stage's script."""
    return [
        node
        for node in ast.walk(script(stage))
        if isinstance(node, ast.Call)
        and (node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func))
        in names
    ]


def sections_read_by(stage: str) -> set[str]:
    """Return the params that a stage asks for: sections, and the label of its metrics."""
    read = {
        item
        for call in calls(stage, "params")
        if isinstance(call.args[0], ast.Name)
        for item in ITEMS[call.args[0].id]
    }
    labels = bool(calls(stage, "write_metrics", "write_summary"))
    return read | ({"data.source"} if labels and "data" not in read else set())
