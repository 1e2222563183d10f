"""What differs between two states of the project, as their dvc.lock files record it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ecom.states import RAW, RECORDER, State

REQUIREMENTS: Final = "requirements.txt"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)", re.MULTILINE)

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Changes:
    """Each change by name, with its value in base and in head; None where there is none.

    Attributes
    ----------
    params
        Knobs of params.yaml, with dots.
    code
        Files that stages import or run, by md5.
    packages
        Pinned versions.
    data
        Files of raw data, by md5.
    reran
        Stages whose command, inputs or knobs differ, each with those inputs and knobs that do.
    results
        Those of them, or after them, that came out different, each with the files that did.
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
    """Compare two states, file by file and knob by knob.

    Raises
    ------
    ProjectError
        One of them has no dvc.lock.
    """
    stages = [name for name in dict.fromkeys([*head.pipeline, *base.lock]) if name != RECORDER]
    before, after = (
        {stage: _inputs(state.lock.get(stage, {})) for stage in stages} for state in (base, head)
    )
    return Changes(
        params=_differences(_flat(base.params), _flat(head.params)),
        code=_differences(_code(base), _code(head)),
        packages=_differences(_pins(base), _pins(head)),
        data=_differences(_raw(base), _raw(head)),
        reran={
            stage: sorted(_differences(before[stage], after[stage]))
            for stage in stages
            if before[stage] != after[stage]
        },
        results={
            stage: different
            for stage in stages
            if (different := sorted(_differences(_outs(base, stage), _outs(head, stage))))
        },
    )


def _differences(base: Mapping[str, Any], head: Mapping[str, Any]) -> dict[str, Pair]:
    return {
        name: (base.get(name), head.get(name))
        for name in dict.fromkeys([*base, *head])
        if base.get(name) != head.get(name)
    }


def _inputs(locked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **({"command": locked["cmd"]} if locked else {}),
        **{dep["path"]: dep["md5"] for dep in locked.get("deps", [])},
        **locked.get("params", {}).get("params.yaml", {}),
    }


def _outs(state: State, stage: str) -> dict[str, str]:
    return {out["path"]: out["md5"] for out in state.lock.get(stage, {}).get("outs", [])}


def _code(state: State) -> dict[str, str]:
    made = {out["path"] for out in state.outs}
    return {
        dep["path"]: dep["md5"]
        for name, stage in state.lock.items()
        if name != RECORDER
        for dep in stage.get("deps", [])
        if dep["path"] not in made and dep["path"] != REQUIREMENTS
    }


def _raw(state: State) -> dict[str, str]:
    return {out["path"]: out["md5"] for out in state.outs if out["path"].startswith(RAW)}


def _pins(state: State) -> dict[str, str]:
    pins = _PIN.findall(state.read(REQUIREMENTS).decode("utf-8", "replace"))
    return {name: version for name, version in pins}  # noqa: C416  the last of several counts


def _flat(node: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(node, Mapping):
        return {prefix: node}
    return {
        name: value
        for key, inner in node.items()
        for name, value in _flat(inner, f"{prefix}.{key}" if prefix else str(key)).items()
    }
