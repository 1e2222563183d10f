"""Write deploy/service.txt: the pins of the packages that the service loads, and no others.

The imports of the service's modules say which; requirements.txt says in what version.
"""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parent.parent
TARGET: Final = ROOT / "deploy" / "service.txt"
# Where a process of the service begins, and what it loads only where it is told to.
MODULES: Final = ("ecom.__main__", "ecom.serving.server", "ecom.serving.store")
# Packages that others load by a setting or an address: no import names them.
CHOSEN: Final = ("httptools", "uvloop", "psycopg[binary]")
# The first has the pins of the pipeline; the second repeats them, and adds psycopg.
PINNED: Final = ("requirements.txt", "requirements-dev.txt")
HEAD: Final = "# Written by `make docs` (deploy/pins.py): what the service loads, as reviewed.\n"


def imported(modules: tuple[str, ...]) -> set[str]:
    """Return the packages that modules import as they load, themselves or by others of ours."""
    found: set[str] = set()
    seen: set[Path] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if top != "ecom":
            found.add(top)
        elif (path := _file(name)) and path not in seen:
            seen.add(path)
            waiting += _loaded(ast.parse(path.read_text(encoding="utf-8")))
    return found


def _file(module: str) -> Path | None:
    path = ROOT / "src" / Path(*module.split("."))
    return next(
        (each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()), None
    )


def _loaded(tree: ast.Module) -> Iterator[str]:
    """Yield what a module imports as it is loaded; the names taken from a module may be some."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def needed() -> set[str]:
    """Return the distributions that the service needs, by their own metadata."""
    owners = packages_distributions()
    names = imported(MODULES)
    waiting = [Requirement(owner) for name in names for owner in owners.get(name, ())]
    waiting += [Requirement(text) for text in CHOSEN]
    found: set[tuple[str, frozenset[str]]] = set()  # with the extras that were asked for
    while waiting:
        one = waiting.pop()
        name, extras = canonicalize_name(one.name), frozenset(one.extras)
        if (name, extras) not in found:
            found.add((name, extras))
            waiting += (
                part for part in map(Requirement, requires(name) or ()) if _applies(part, extras)
            )
    return {name for name, _ in found}


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def pins() -> str:
    """Return the pins, with their hashes, as pip reads them."""
    blocks: dict[str, str] = {}
    for file in PINNED:
        text = (ROOT / file).read_text(encoding="utf-8")
        for block in re.findall(r"^[\w.-]+==(?:.*\\\n)*.*\n", text, re.MULTILINE):
            blocks.setdefault(canonicalize_name(block.partition("==")[0]), block)
    return HEAD + "".join(blocks[name] for name in sorted(needed()))


if __name__ == "__main__":
    TARGET.write_text(pins(), encoding="utf-8", newline="\n")
