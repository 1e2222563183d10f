"""What the stages share: their declaration in dvc.yaml, their knobs, and their files.

A stage reads and writes only what dvc.yaml declares for it; everything else is refused. Import
this module first: it fixes what numerical libraries read when they load (threads, and the kernels
of OpenBLAS, which round differently from one CPU to the next), and puts the library of this very
checkout first on the path, also where DVC runs a copy of the project.
"""

import inspect
import io
import json
import os
import pickle
import platform
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
if platform.machine() in {"x86_64", "AMD64"}:
    os.environ["OPENBLAS_CORETYPE"] = "Nehalem"  # every x86-64 in use has it

from ruamel.yaml import YAML  # noqa: E402
from ruamel.yaml.error import YAMLError  # noqa: E402

from ecom.errors import DataError, EcomError, ParamsError  # noqa: E402
from ecom.params import Section, parse_params  # noqa: E402
from ecom.schema import FEATURES, TARGET  # noqa: E402

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

    from ecom.params import Data

AnySection = TypeVar("AnySection", bound=Section)

DECIMALS = 6
_NO_MEMORY = re.compile("MemoryError|failed to map segment|Cannot allocate memory")
# What reading a file that was cut or replaced may raise; KeyError is joblib's, of foreign bytes.
_UNREADABLE = (
    ValueError, TypeError, EOFError, KeyError, IndexError, AttributeError, ImportError,
    pickle.UnpicklingError, struct.error, zlib.error,
)  # fmt: skip


class UndeclaredError(Exception):
    """A stage reaches for something that dvc.yaml does not declare for it."""


class Stage:
    """One stage: its knobs, and the files that dvc.yaml declares for it.

    Parameters
    ----------
    name
        Of the stage in dvc.yaml.

    Raises
    ------
    ParamsError
        A value anywhere in params.yaml is not allowed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        declared = _load_yaml("dvc.yaml")["stages"][name]
        self._deps = set(declared["deps"])
        self._params = set(declared.get("params", []))
        self._outs = {
            path
            for kind in ("outs", "metrics")
            for out in declared.get(kind, [])
            for path in (out if isinstance(out, dict) else [out])
        }
        self._sections = parse_params(_load_yaml("params.yaml"))

    def params(self, section: type[AnySection]) -> AnySection:
        """Return a section of params.yaml that this stage declares."""
        self._require(section.name, self._params, "params")
        return cast("AnySection", self._sections[section.name])

    def dep(self, path: str) -> Path:
        """Return the absolute path of a declared input.

        Raises
        ------
        DataError
            The file is not there.
        """
        self._require(path, self._deps, "deps")
        if not (ROOT / path).exists():
            raise DataError(
                f"{path} is missing; an earlier stage makes it: run `dvc repro {self.name}`"
            )
        return ROOT / path

    def previous_out(self, path: str) -> Path:
        """Return the absolute path where an earlier run left a declared output, if it did."""
        self._require(path, self._outs, "outs")
        return ROOT / path

    @contextmanager
    def out(self, path: str) -> Iterator[Path]:
        """Yield a temporary path that becomes a declared output if the block succeeds."""
        self._require(path, self._outs, "outs")
        target = ROOT / path
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
    def _readable(self, path: str) -> Iterator[Path]:
        """Yield the path of a declared input; say what to do where reading it fails.

        Raises
        ------
        DataError
            The file is not there, or is not what an earlier stage wrote.
        """
        file = self.dep(path)
        try:
            yield file
        except _UNREADABLE as error:
            raise DataError(
                f"{path} cannot be read: {str(error) or type(error).__name__}. It is not what an "
                f"earlier stage wrote: run `dvc repro {self.name}`, which makes it anew"
            ) from None

    def read_metrics(self, path: str) -> Any:
        """Read a JSON file of metrics.

        Raises
        ------
        DataError
            Also, later, where a figure is asked for that is not in the file.
        """

        class Metrics(dict[str, Any]):
            """Says what to do where a figure is missing."""

            def __missing__(self, name: str) -> Any:
                raise DataError(f"{path} has no {name!r}: run the stage that writes it again")

        with self._readable(path) as file:
            metrics = json.loads(
                file.read_text(encoding="utf-8"), object_hook=Metrics, parse_constant=_refuse
            )
            if not isinstance(metrics, dict):
                raise TypeError(f"expected a mapping, got {metrics!r}")
            return metrics

    def write_metrics(
        self, path: str, metrics: Mapping[str, Any], exact: Mapping[str, Any] | None = None
    ) -> None:
        """Write metrics as JSON: labelled real or synthetic, keys sorted, floats to 6 decimals.

        Values in `exact` are not rounded: settings, as against measurements.
        """
        if "data" not in self._params:
            self._require("data.source", self._params, "params")
        data = cast("Data", self._sections["data"])
        values = {"data": data.source, **_rounded(metrics), **(exact or {})}
        text = json.dumps(values, indent=2, sort_keys=True, allow_nan=False)
        self.write_text(path, text + "\n")

    def write_text(self, path: str, text: str) -> None:
        """Write text as UTF-8 with LF line ends."""
        with self.out(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")

    def read_sessions(self, path: str) -> "pd.DataFrame":
        """Read a table, as Parquet or as CSV by the ending of the path."""
        import pandas as pd

        with self._readable(path) as file, file.open("rb") as opened:
            return pd.read_parquet(opened) if path.endswith(".parquet") else pd.read_csv(opened)

    def read_features(self, path: str) -> "tuple[pd.DataFrame, pd.Series[int]]":
        """Read raw sessions and their labels from an output of the features stage.

        Their index is the row's number in the clean data.
        """
        sessions = self.read_sessions(path).set_index("row")
        return sessions[list(FEATURES)], sessions[TARGET]

    def write_predictions(
        self,
        path: str,
        sessions: "pd.DataFrame",
        labels: "pd.Series[int]",
        scores: "Mapping[str, ArrayLike]",
    ) -> None:
        """Write scores row by row, by name, beside each row's number in the clean data."""
        import pandas as pd

        table = pd.DataFrame({"row": sessions.index, TARGET: labels.to_numpy(), **scores})
        self.write_table(path, table)

    def write_table(self, path: str, table: "pd.DataFrame") -> None:
        """Write a frame, without its index, as Parquet or as CSV by the ending of the path."""
        with self.out(path) as temporary:
            if path.endswith(".parquet"):
                # Arrow takes every path for UTF-8, whatever the locale says.
                with temporary.open("wb") as opened:
                    table.to_parquet(opened, index=False)
            else:
                table.to_csv(temporary, index=False, lineterminator="\n")

    def write_figure(self, path: str, figure: "Figure") -> None:
        """Write a picture as SVG whose bytes depend on nothing but what it shows."""
        from matplotlib.style import context

        with self.out(path) as temporary, context(["default", {"svg.hashsalt": "ecom"}]):
            figure.savefig(temporary, format="svg", metadata={"Date": None}, dpi=150)

    def read_model(self, path: str) -> Any:
        """Read a model that an earlier stage fitted."""
        import joblib

        with self._readable(path) as file:
            return joblib.load(file)

    def write_model(self, path: str, model: object) -> None:
        """Write a fitted model for later stages."""
        import joblib

        with self.out(path) as temporary:
            joblib.dump(model, temporary)

    def say(self, message: str) -> None:
        """Print a line about the stage's result or progress."""
        print(f"{self.name}: {message}", flush=True)

    def warn(self, message: str) -> None:
        """Print a line about something that did not work, and does not stop the stage."""
        print(f"{self.name}: {message}", file=sys.stderr, flush=True)

    def _require(self, item: str, declared: set[str], kind: str) -> None:
        if item not in declared:
            raise UndeclaredError(
                f"stage {self.name} uses {item}, which dvc.yaml does not declare among its {kind}"
            )


def run(main: Callable[[Stage], None]) -> None:
    """Run a stage's `main`; show errors a user can act on as a message, with exit status 1."""
    name = Path(inspect.getfile(main)).stem
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # the terminal may not know a €
            stream.reconfigure(errors="backslashreplace")
    try:
        if len(sys.argv) > 1:
            raise ParamsError(
                f"takes no arguments, got {' '.join(sys.argv[1:])!r}: knobs are in params.yaml"
            )
        main(Stage(name))
    except EcomError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except OSError as error:
        print(f"{name}: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        sys.exit(1)


def _say_where_memory_ran_out(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Show what no code can be written for where it happens: an import may want the last of it."""
    killed = kind.__name__ == "TerminatedWorkerError"  # of joblib, which is not loaded yet
    if not killed and kind is not MemoryError and not _NO_MEMORY.search(f"{kind} {error}"):
        sys.__excepthook__(kind, error, trace)
        return
    cause = "a worker process was killed, as where memory runs out" if killed else "memory ran out"
    advice = "free some, or take fewer rows or a smaller tune.n_jobs"
    print(f"{Path(sys.argv[0]).stem}: {cause}: {advice}", file=sys.stderr)


sys.excepthook = _say_where_memory_ran_out


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no figure")


def _load_yaml(name: str) -> Any:
    # As DVC reads it: YAML 1.2, where 1e-5 is a number.
    try:
        return YAML(typ="safe").load(ROOT / name)
    except (YAMLError, ValueError, RecursionError) as error:  # a date that is none, say
        raise ParamsError(f"{name} is not valid YAML: {error}") from None


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
