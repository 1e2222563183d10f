"""The code that runs in a stage, derived from its imports, and written into dvc.yaml.

Nothing is run: a stage's script is parsed, and so is every module that it imports, transitively.
Imports for type checkers alone do not count.
"""

import ast
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ecom.errors import ProjectError
from ecom.project.declaration import declared_stages
from ecom.project.files import LIBRARY, PIPELINE, REQUIREMENTS, STAGES
from ecom.project.formats import parse_yaml
from ecom.project.lock import RECORDER

if TYPE_CHECKING:
    from grimp import ImportGraph

PACKAGE: Final = "ecom"
COMMENT_COLUMN: Final = 34
_CODE: Final = re.compile(rf"({LIBRARY}|{STAGES})/|{re.escape(REQUIREMENTS)}$")
_ITEM: Final = re.compile(r"^ {6}- (?P<path>\S+)\s*(?P<comment>#.*)?$")


class Imports:
    """What the scripts of a checkout import.

    Parameters
    ----------
    root
        Root folder of the project.

    Raises
    ------
    ProjectError
        The library that runs is not that of the checkout, or the tool that reads imports is not
        installed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        library = (root / LIBRARY / PACKAGE).resolve()
        if not Path(__file__).resolve().is_relative_to(library):
            raise ProjectError(
                f"the library that runs is not that of {root}: run `make deps` there"
            )

    @cached_property
    def _graph(self) -> "ImportGraph":
        try:
            import grimp
        except ImportError:
            raise ProjectError(
                "grimp is not installed: `make deps` installs what the command needs"
            ) from None
        return grimp.build_graph(PACKAGE, exclude_type_checking_imports=True)

    def code_of(self, stage: str) -> set[str]:
        """Return the paths of all code that runs in a stage, and of the pinned environment."""
        scripts = self._scripts(stage)
        imported = {module for script in scripts for module in _imported(self._parse(script))}
        modules = imported & self._graph.modules | {PACKAGE}
        for module in tuple(modules):
            modules |= self._graph.find_upstream_modules(module)
        # A package's own module runs before each module in the package.
        modules |= {package for module in modules for package in _packages(module)}
        files = {self._module_path(module) for module in modules}
        templates = {name for path in files for name in self._companions(path)}
        return files | templates | scripts | {REQUIREMENTS}

    def _scripts(self, stage: str) -> set[str]:
        """Return the stage's script and the scripts beside it that it imports, transitively."""
        found: set[str] = set()
        waiting = [stage]
        while waiting:
            path = f"{STAGES}/{waiting.pop()}.py"
            if path not in found and (self._root / path).is_file():
                found.add(path)
                waiting += _imported(self._parse(path))
        return found

    def _module_path(self, module: str) -> str:
        path = f"{LIBRARY}/{module.replace('.', '/')}"
        return f"{path}/__init__.py" if (self._root / path).is_dir() else f"{path}.py"

    def _companions(self, path: str) -> Iterator[str]:
        """Yield the files beside a module that it names, such as templates."""
        folder = Path(path).parent
        for node in ast.walk(self._parse(path)):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"[\w.]+\.\w+", node.value)
                and (self._root / folder / node.value).is_file()
            ):
                yield (folder / node.value).as_posix()

    def _parse(self, path: str) -> ast.Module:
        return ast.parse((self._root / path).read_text(encoding="utf-8"))


def code_deps(root: Path, stages: list[str]) -> dict[str, set[str]]:
    """Return the paths of the code that runs in each stage, and of the pinned environment.

    The stage that records the others depends on the code of all of them: if the code changes,
    the state changes, even if the results stay the same.

    Raises
    ------
    ProjectError
        The tool that reads imports is not installed.
    """
    imports = Imports(root)
    code = {stage: imports.code_of(stage) for stage in stages}
    return code | {RECORDER: set().union(*code.values())} if RECORDER in code else code


def with_code_deps(root: Path, text: str) -> str:
    """Return the text of dvc.yaml with the code of each stage among its deps, and nothing else new.

    Comments, data and the order of the stages stay as they are.

    Parameters
    ----------
    root
        Root folder of the project.
    text
        Content of dvc.yaml.

    Raises
    ------
    ProjectError
        The text is not a valid dvc.yaml, or has more below ``deps`` than paths with comments.
    """
    try:
        stages = list(declared_stages(parse_yaml(text)))
    except ValueError as error:
        raise ProjectError(f"{PIPELINE}: {error}") from None
    code = code_deps(root, stages)
    for stage in stages:
        block = re.search(rf"^  {re.escape(stage)}:\n(?:(?: {{4,}}.*)?\n)+", text, re.MULTILINE)
        if block is None:
            raise ProjectError(
                f"{PIPELINE} must start the stage {stage} with the line '  {stage}:'"
            )
        text = text[: block.start()] + _with_deps(block[0], code[stage]) + text[block.end() :]
    return text


def _with_deps(block: str, code: set[str]) -> str:
    """Return the block of one stage with other code among its deps."""
    lines = block.splitlines()
    begin = next((n for n, line in enumerate(lines) if line.startswith("    deps:")), None)
    if begin is None:  # a new stage: after its command
        begin = next(n for n, line in enumerate(lines) if line.startswith("    cmd:")) + 1
        lines.insert(begin, "    deps:")
    end = begin + 1
    while end < len(lines) and lines[end].startswith("      "):
        end += 1
    items = []
    for line in lines[begin + 1 : end]:
        item = _ITEM.match(line)
        if item is None:
            raise ProjectError(
                f"{PIPELINE}: expected a line '      - path  # comment' below deps, got {line!r}"
            )
        items.append(item)
    comments = {item["path"]: item["comment"] for item in items if item["comment"]}
    data = [item["path"] for item in items if not _CODE.match(item["path"])]
    deps = [_item(path, comments.get(path)) for path in (*data, *sorted(code))]
    return "\n".join([*lines[: begin + 1], *deps, *lines[end:]]) + "\n"


def _item(path: str, comment: str | None) -> str:
    item = f"      - {path}"
    return f"{item} ".ljust(COMMENT_COLUMN) + comment if comment else item


def _packages(module: str) -> Iterator[str]:
    """Yield the packages that a module is in."""
    parts = module.split(".")
    for length in range(1, len(parts)):
        yield ".".join(parts[:length])


def _imported(tree: ast.Module) -> set[str]:
    """Return the names that a script imports, except for type checkers; most are modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}  # some are modules
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
    return modules
