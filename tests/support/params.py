"""params.yaml with other values: the one way in which tests set them."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ecom.params.section import Section, find_faults

FILE = Path(__file__).parents[2] / "params.yaml"
COMMITTED: dict[str, Any] = YAML(typ="safe").load(FILE)


def set_values(params: Any, changes: Mapping[str, object]) -> None:
    """Set values of params.yaml, in place, by their dotted names."""
    for name, value in changes.items():
        *sections, last = name.split(".")
        node = params
        for section in sections:
            node = node[section]
        node[last] = value


def with_values(changes: Mapping[str, object]) -> dict[str, Any]:
    """Return the content of the committed params.yaml with other values."""
    params = copy.deepcopy(COMMITTED)
    set_values(params, changes)
    return params


def value_at(params: Any, name: str) -> Any:
    """Return a value, or a section, by its dotted name; of an empty name, everything."""
    for part in name.split(".") if name else ():
        params = params[part]
    return params


def faults_of(section: type[Section], changes: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a section once some of its values are changed."""
    names = {f"{section.name}.{name}": value for name, value in changes.items()}
    return find_faults(with_values(names), section)[1]
