"""What differs between two states of the project, as their dvc.lock files record it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ecom.notation import flatten
from ecom.project.files import RAW, REQUIREMENTS
from ecom.project.lock import RECORDER
from ecom.project.states import State

_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Changes:
    """Each change by name, with its value in base and in head; None if there is no value.

    Attributes
    ----------
    params
        Values of params.yaml, by dotted name.
    code
        Files that stages import or run, by MD5.
    packages
        Pinned versions.
    data
        Raw data, by MD5.
    reran
        Stages whose command, inputs or params differ; for each stage, those that differ.
    results
        Stages whose outputs differ; for each stage, the files that differ.
    """

    params: dict[str, Pair]
    code: dict[str, Pair]
    packages: dict[str, Pair]
    data: dict[str, Pair]
    reran: dict[str, list[str]]
    results: dict[str, list[str]]

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return any(vars(self).values())


def changes_between(base: State, head: State) -> Changes:
    """Compare two states, file by file and param by param.

    Raises
    ------
    ProjectError
        One of them has no dvc.lock.
    """
    names = dict.fromkeys([*head.pipeline, *base.lock.stages])
    stages = {
        name: [state.lock.stages.get(name) for state in (base, head)]
        for name in names
        if name != RECORDER
    }
    reran = {
        name: _different_names(*(stage.inputs if stage else {} for stage in pair))
        for name, pair in stages.items()
    }
    results = {
        name: _different_names(*(stage.outs if stage else {} for stage in pair))
        for name, pair in stages.items()
    }
    return Changes(
        params=_differences(flatten(base.params), flatten(head.params)),
        code=_differences(base.lock.code, head.lock.code),
        packages=_differences(_pins(base), _pins(head)),
        data=_differences({RAW: base.lock.raw_data}, {RAW: head.lock.raw_data}),
        reran={name: different for name, different in reran.items() if different},
        results={name: different for name, different in results.items() if different},
    )


def _differences(base: Mapping[str, Any], head: Mapping[str, Any]) -> dict[str, Pair]:
    return {
        name: (base.get(name), head.get(name))
        for name in dict.fromkeys([*base, *head])
        if base.get(name) != head.get(name)
    }


def _different_names(base: Mapping[str, Any], head: Mapping[str, Any]) -> list[str]:
    return sorted(_differences(base, head))


def _pins(state: State) -> dict[str, str]:
    text = state.read(REQUIREMENTS).decode("utf-8", "replace")
    return {name: version for name, version in _PIN.findall(text)}  # noqa: C416  the last one counts
