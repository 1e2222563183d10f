"""A stage's declaration in dvc.yaml: it reads and writes what it declares, and nothing else.

What reads and writes each kind of file is in modules of its own (`_metrics`, `_tables`, `_models`,
`_figures`), so that a change of how figures are drawn leaves the model up to date.
"""

from _environment import ROOT

import inspect
import os
import pickle
import struct
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from ecom.errors import DataError, EcomError, ParamsError, describe
from ecom.params.section import AnySection, parse_section
from ecom.project.declaration import declared_stages
from ecom.project.formats import parse_yaml
from ecom.schema import DataKind

DECIMALS = 6  # of figures in metrics and plots

# What reading a file that was cut off or replaced may raise; KeyError comes from joblib.
_UNREADABLE = (
    ValueError,
    TypeError,
    EOFError,
    KeyError,
    IndexError,
    AttributeError,
    ImportError,
    pickle.UnpicklingError,
    struct.error,
    zlib.error,
)


class UndeclaredError(Exception):
    """A stage uses something that dvc.yaml does not declare for it."""


class Stage:
    """One stage: its params, and the files that dvc.yaml declares for it.

    Parameters
    ----------
    name
        Name of the stage in dvc.yaml.
    root
        Root folder of the project; by default the checkout of this file.

    Raises
    ------
    ParamsError
        dvc.yaml or params.yaml is not valid YAML, or dvc.yaml does not have the stage.
    """

    def __init__(self, name: str, root: Path | None = None) -> None:
        self.name = name
        self.root = root or ROOT
        try:
            self._declared = declared_stages(_load_yaml(self.root / "dvc.yaml"))[name]
        except ValueError as error:
            raise ParamsError(f"dvc.yaml {error}") from None
        except KeyError:
            raise ParamsError(f"dvc.yaml has no stage {name}") from None
        self._content = _load_yaml(self.root / "params.yaml")

    def params(self, section: type[AnySection]) -> AnySection:
        """Return a section of params.yaml that this stage declares.

        Raises
        ------
        ParamsError
            A value in it is not allowed. Other sections are not looked at: their code must not
            make this stage stale.
        """
        if section.name not in self._declared.params:
            for item in section.items():
                self._require(item, self._declared.params, "params")
        return parse_section(self._content, section)

    def data_kind(self) -> str:
        """Return ``data.source``, real or synthetic, which labels the stage's metrics.

        Raises
        ------
        ParamsError
            It is neither.
        """
        if "data" not in self._declared.params:
            self._require("data.source", self._declared.params, "params")
        data = self._content.get("data") if isinstance(self._content, Mapping) else None
        source = data.get("source") if isinstance(data, Mapping) else None
        if source not in get_args(DataKind):
            kinds = " or ".join(get_args(DataKind))
            raise ParamsError(f"params.yaml: data.source is {source!r}; expected {kinds}")
        return str(source)

    def dep(self, path: str) -> Path:
        """Return the absolute path of a declared input.

        Raises
        ------
        DataError
            The file is missing.
        """
        self._require(path, self._declared.deps, "deps")
        if not (self.root / path).exists():
            raise DataError(
                f"{path} is missing; an earlier stage makes it: run `dvc repro {self.name}`"
            )
        return self.root / path

    def previous_out(self, path: str) -> Path:
        """Return the absolute path of a declared output, which an earlier run may have written."""
        self._require(path, tuple(self._declared.outs), "outs")
        return self.root / path

    @contextmanager
    def out(self, path: str) -> Iterator[Path]:
        """Yield a temporary path that becomes a declared output if the block succeeds."""
        target = self.previous_out(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    @contextmanager
    def readable(self, path: str) -> Iterator[Path]:
        """Yield the path of a declared input; say what to do if the block cannot read it.

        Raises
        ------
        DataError
            The file is missing, or is not what an earlier stage wrote.
        """
        file = self.dep(path)
        try:
            yield file
        except _UNREADABLE as error:
            if "out of memory" in str(error):  # as the parser of pandas says
                raise MemoryError(str(error)) from None
            raise DataError(
                f"{path} cannot be read: {str(error) or type(error).__name__}. It is not what an "
                f"earlier stage wrote: run `dvc repro {self.name}`, which makes it again"
            ) from None

    def write_text(self, path: str, text: str) -> None:
        """Write text as UTF-8 with LF line ends."""
        with self.out(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")

    def say(self, message: str) -> None:
        """Print a line about the stage's result or progress."""
        print(f"{self.name}: {message}", flush=True)

    def warn(self, message: str) -> None:
        """Print a line about a failure that does not stop the stage."""
        print(f"{self.name}: {message}", file=sys.stderr, flush=True)

    def _require(self, item: str, declared: tuple[str, ...], kind: str) -> None:
        if item not in declared:
            raise UndeclaredError(
                f"stage {self.name} uses {item}, which dvc.yaml does not declare among its {kind}"
            )


def run(main: Callable[[Stage], None]) -> None:
    """Run a stage's `main`; show errors that a user can act on as a message, with exit status 1."""
    name = Path(inspect.getfile(main)).stem
    try:
        if len(sys.argv) > 1:
            raise ParamsError(
                f"takes no arguments, got {' '.join(sys.argv[1:])!r}: settings are in params.yaml"
            )
        main(Stage(name))
    except EcomError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except OSError as error:
        print(f"{name}: {describe(error)}", file=sys.stderr)
        sys.exit(1)


def _load_yaml(path: Path) -> Any:
    try:
        return parse_yaml(path.read_bytes())
    except ValueError as error:
        raise ParamsError(f"{path.name} is {error}") from None
