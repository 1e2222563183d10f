"""What dvc.lock records: the inputs, settings and outputs of each stage that has run."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from ecom.notation import flatten
from ecom.project.files import PARAMS, RAW, REQUIREMENTS
from ecom.project.formats import parse_yaml

RECORDER: Final = "track"  # the stage that records the others; it produces no result of its own


@dataclass(frozen=True)
class LockedStage:
    """What dvc.lock records of one stage.

    Attributes
    ----------
    command
        What was run.
    deps, outs
        MD5 by path.
    params
        Values of params.yaml by the names that dvc.yaml declares: of sections, or dotted.
    """

    command: str
    deps: Mapping[str, str]
    outs: Mapping[str, str]
    params: Mapping[str, Any]

    @classmethod
    def from_yaml(cls, content: Any) -> Self:
        """Take a stage from the content of dvc.lock.

        Raises
        ------
        ValueError
            The content is cut off or damaged.
        """
        try:
            deps, outs = (
                {file["path"]: file["md5"] for file in content.get(kind) or []}
                for kind in ("deps", "outs")
            )
            params = content.get("params", {}).get(PARAMS, {})
            stage = cls(content["cmd"], deps, outs, dict(params))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a stage of dvc.lock: {error!r}") from None
        # The first digits of an MD5 that was cut off may read as a number.
        texts = [stage.command, *deps, *deps.values(), *outs, *outs.values()]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("not a stage of dvc.lock: a path or an MD5 is not text")
        return stage

    @property
    def settings(self) -> dict[str, Any]:
        """Every value of params.yaml that the stage read, by dotted name."""
        return flatten(self.params)

    @property
    def inputs(self) -> dict[str, Any]:
        """All that the stage was run with, by name or path."""
        return {"command": self.command, **self.deps, **self.params}


@dataclass(frozen=True)
class Lock:
    """The content of dvc.lock.

    Attributes
    ----------
    stages
        Each stage that has run, in the order of the file.
    key
        SHA-256 of the content without the stage that records it: it identifies the state.
    """

    stages: Mapping[str, LockedStage]
    key: str

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Parse the text of a dvc.lock.

        Raises
        ------
        ValueError
            The text is not YAML, names no stages, or is cut off within a stage.
        """
        content = parse_yaml(text)
        stages = content.get("stages") if isinstance(content, Mapping) else None
        if not isinstance(stages, Mapping) or not stages:
            raise ValueError("names no stages")
        return cls.from_stages(stages)

    @classmethod
    def from_stages(cls, stages: Mapping[str, Any]) -> Self:
        """Take the stages of a dvc.lock.

        Raises
        ------
        ValueError
            A stage is cut off or damaged.

        Examples
        --------
        >>> clean, track = {"cmd": "python stages/clean.py"}, {"cmd": "python stages/track.py"}
        >>> with_track = Lock.from_stages({"clean": clean, "track": track})
        >>> with_track.key == Lock.from_stages({"clean": clean}).key
        True
        """
        locked = {name: LockedStage.from_yaml(stage) for name, stage in stages.items()}
        kept = {name: stage for name, stage in stages.items() if name != RECORDER}
        content = json.dumps(kept, sort_keys=True, default=str)
        return cls(locked, hashlib.sha256(content.encode()).hexdigest())

    @property
    def results(self) -> dict[str, LockedStage]:
        """The stages that produce results: all but the one that records them."""
        return {name: stage for name, stage in self.stages.items() if name != RECORDER}

    @property
    def outs(self) -> dict[str, str]:
        """MD5 of each output by path."""
        return {path: md5 for stage in self.stages.values() for path, md5 in stage.outs.items()}

    @property
    def sources(self) -> dict[str, dict[str, Any]]:
        """By stage, what its results come from that no other stage makes, and the raw data."""
        made = self.outs.keys() - {RAW}
        return {
            name: {key: value for key, value in stage.inputs.items() if key not in made}
            for name, stage in self.results.items()
        }

    @property
    def settings(self) -> dict[str, Any]:
        """Every value of params.yaml that a stage read, by dotted name."""
        return {
            name: value for stage in self.results.values() for name, value in stage.settings.items()
        }

    @property
    def code(self) -> dict[str, str]:
        """MD5 by path of the files that stages import or run: inputs that no stage makes."""
        made = self.outs
        return {
            path: md5
            for stage in self.results.values()
            for path, md5 in stage.deps.items()
            if path not in made and path != REQUIREMENTS
        }

    @property
    def raw_data(self) -> str | None:
        """MD5 of the raw data; None if fetch has not run."""
        return self.outs.get(RAW)

    def mentions(self, wanted: str) -> bool:
        """Tell whether a hash, or its first digits, is that of a file or of the state itself."""
        return any(md5.startswith(wanted) for md5 in (self.key, *self._hashes()))

    def _hashes(self) -> Iterator[str]:
        for stage in self.stages.values():
            yield from stage.deps.values()
            yield from stage.outs.values()
