"""What dvc.yaml declares of each stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class DeclaredStage:
    """What dvc.yaml declares of one stage.

    Attributes
    ----------
    command, description
        What is run, and what for.
    deps
        Paths that it reads.
    params
        Names of params.yaml that it reads: sections, or dotted.
    outs
        Paths that it writes, metrics among them, each with DVC's options.
    """

    command: str
    description: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: Mapping[str, Mapping[str, Any]]

    @classmethod
    def from_yaml(cls, content: Mapping[str, Any]) -> Self:
        """Take a stage from the content of dvc.yaml."""
        outs = [item for kind in ("outs", "metrics") for item in content.get(kind, [])]
        return cls(
            content.get("cmd", ""),
            content.get("desc", ""),
            tuple(content.get("deps", [])),
            tuple(content.get("params", [])),
            {
                path: options
                for item in outs
                for path, options in (item if isinstance(item, Mapping) else {item: {}}).items()
            },
        )


def declared_stages(content: Any) -> dict[str, DeclaredStage]:
    """Return the stages that the content of dvc.yaml declares, in its order.

    Raises
    ------
    ValueError
        It declares none, or one without content.
    """
    stages = content.get("stages") if isinstance(content, Mapping) else None
    if not isinstance(stages, Mapping) or not all(
        isinstance(stage, Mapping) for stage in stages.values()
    ):
        raise ValueError("names no stages, or one without content")
    return {name: DeclaredStage.from_yaml(stage) for name, stage in stages.items()}
