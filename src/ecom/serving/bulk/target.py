"""Where scored sessions go: parts are renamed when they are whole, and the manifest comes last."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
from pyarrow import parquet

from ecom.errors import DataError
from ecom.serving.bulk.inputs import ENDINGS, open_filesystem

PLAN: Final = "plan.json"
COPIED: Final = 1 << 24  # bytes at a time
SIDE_HEADER: Final = b"file,line_or_row,column,rule,value\n"  # of what could not be scored


def _is_plan(content: Mapping[str, Any]) -> bool:
    """Tell whether this is what a job has written."""
    plan = content.get("plan")
    return isinstance(plan, dict) and {"package", "parts", "files"} <= plan.keys()


class Target:
    """The files of an output.

    Parameters
    ----------
    address
        Of a file or folder, on any file system that fsspec opens.
    folder
        Whether the output is a folder of parts, or a file that is made of them.

    Attributes
    ----------
    path, bad_rows, manifest, work
        Paths: of the output, of what could not be scored, of what is said of both, and of the
        folder with what is not finished.
    text
        Whether the output is CSV.

    Raises
    ------
    DataError
        The file's name does not tell whether it is to be CSV or Parquet.
    """

    def __init__(self, address: str, *, folder: bool) -> None:
        self.system, root = open_filesystem(address)
        path = PurePosixPath(root)
        self.path, self.folder = str(path), folder
        self.text = not folder and path.suffix == ".csv"
        if folder:
            self.bad_rows, self.manifest = f"{path}/_bad_rows.csv", f"{path}/_manifest.json"
            self.work = f"{path}/_work"
            return
        if path.suffix not in ENDINGS:
            raise DataError(f"{address}: the file to write must end in {', '.join(ENDINGS)}")
        self.bad_rows = str(path.with_name(f"{path.name}.bad_rows.csv"))
        self.manifest = str(path.with_name(f"{path.name}.manifest.json"))
        self.work = str(path.with_name(f".{path.name}.scoring"))

    def part(self, name: str) -> str:
        """Return the path of a part that is not in its place yet."""
        return f"{self.work}/{name}"

    def has(self, name: str) -> bool:
        """Tell whether a part is whole: its note is there, and it is, or is in its place."""
        places = [self.part(name), f"{self.path}/{name}"]
        return bool(self.read_json(self.note(name))) and any(map(self.system.exists, places))

    def begin(self, plan: Mapping[str, Any], *, overwrite: bool) -> bool:
        """Prepare the output for a plan; tell whether there is something to do.

        Parameters
        ----------
        plan
            All that decides what is written.
        overwrite
            Whether the output of another plan may be removed.

        Raises
        ------
        DataError
            Something else is there.
        """
        done = self.read_json(self.manifest)
        if done.get("plan") == plan and self._sizes(plan["parts"]) == done.get("bytes"):
            self.remove(self.work)
            return False
        if self.read_json(f"{self.work}/{PLAN}").get("plan") == plan:
            return True
        self._require_ours()
        if done.get("plan") != plan and not overwrite:
            self._require_free()
        self.remove(self.work)
        self.system.makedirs(self.work, exist_ok=True)
        self.write_json(f"{self.work}/{PLAN}", {"plan": plan})
        return True

    def finish(
        self, names: Sequence[str], schema: pa.Schema, header: bytes, manifest: Mapping[str, Any]
    ) -> None:
        """Put the parts together or in their places, and write the manifest.

        What another run has written stays until then.

        Parameters
        ----------
        names
            Of the parts, in order.
        schema, header
            Of Parquet and of CSV.
        manifest
            What is said of them; it has the ``plan``.
        """
        if self.folder:
            self._move(names)
        elif self.text:
            self._join(self.path, header, [self.part(name) for name in names])
        else:
            with self.renamed(self.path) as opened, parquet.ParquetWriter(opened, schema) as writer:
                for name in names:
                    with self.system.open(self.part(name), "rb") as part:
                        file = parquet.ParquetFile(part)
                        for group in range(file.num_row_groups):
                            writer.write_table(file.read_row_group(group))
        sides = [path for name in names if self.system.exists(path := self.side(name))]
        self.remove(self.bad_rows)
        if sides:
            self._join(self.bad_rows, SIDE_HEADER, sides)
        self.write_json(self.manifest, {**manifest, "bytes": self._sizes(names)})
        self.remove(self.work)

    def side(self, name: str) -> str:
        """Return the path of what could not be scored of a part."""
        return f"{self.work}/{name}.bad_rows"

    def note(self, name: str) -> str:
        """Return the path of what is said of a part, which is written when the part is whole."""
        return f"{self.work}/{name}.json"

    def read_json(self, path: str) -> dict[str, Any]:
        """Read a JSON object; an empty one if there is none, or one that was cut off."""
        try:
            content = json.loads(self.system.cat_file(path))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write_json(self, path: str, content: Mapping[str, Any]) -> None:
        """Write a JSON object, whole or not at all."""
        text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n"
        with self.renamed(path) as opened:
            opened.write(text.encode(errors="backslashreplace"))

    def _sizes(self, names: Iterable[str]) -> dict[str, int]:
        """Return the bytes of what is in its place, by path; -1 of what is not there."""
        paths = [f"{self.path}/{name}" for name in names] if self.folder else [self.path]
        return {
            PurePosixPath(path).name: self.system.size(path) if self.system.exists(path) else -1
            for path in paths
        }

    def _require_ours(self) -> None:
        """Refuse to touch what no job of this kind has written.

        Raises
        ------
        DataError
            There is such a thing.
        """
        if self.system.exists(self.path) and self.folder != self.system.isdir(self.path):
            kind = "folder" if self.folder else "file"
            raise DataError(f"{self.path} is no {kind}: a {kind} becomes a {kind}")
        manifest = _is_plan(self.read_json(self.manifest))
        work = _is_plan(self.read_json(f"{self.work}/{PLAN}"))
        others = [
            path
            for path, is_ours in (
                (self.manifest, manifest),
                (self.bad_rows, manifest or work),
                (self.work, work),
            )
            if self._holds_files(path) and not is_ours
        ]
        if self.folder and self.system.exists(self.path) and not (manifest or work):
            others += filter(self._holds_files, self.system.ls(self.path, detail=False))
        if others:
            raise DataError(f"{others[0]} is not of this command: choose another place")

    def _holds_files(self, path: str) -> bool:
        """Tell whether there is a file; some object stores keep an empty folder for a while."""
        found = self.system.find(path, detail=True).values()
        return any(each["type"] != "directory" for each in found)

    def _require_free(self) -> None:
        held = self.system.exists(self.path)
        if held and self.folder:
            names = {PurePosixPath(path).name for path in self.system.ls(self.path, detail=False)}
            held = not names <= {PurePosixPath(self.work).name}
        if held:
            raise DataError(
                f"{self.path} is there already, of other sessions, another package or other "
                "settings: choose another place, or --overwrite it"
            )

    def _move(self, names: Sequence[str]) -> None:
        """Move the parts to their places, and remove those of the job before."""
        for name in names:
            if self.system.exists(self.part(name)):
                self.system.mv(self.part(name), f"{self.path}/{name}")
        before = self.read_json(self.manifest).get("plan", {}).get("parts", {})
        for name in before.keys() - set(names):
            self.remove(f"{self.path}/{name}")

    @contextmanager
    def renamed(self, path: str) -> Iterator[Any]:
        """Yield an open file that gets its name if the block succeeds."""
        temporary = f"{self.work}/{PurePosixPath(path).name}.{uuid4().hex}.tmp"
        with self.system.open(temporary, "wb") as opened:
            yield opened
        self.system.mv(temporary, path)

    def remove(self, path: str) -> None:
        """Remove a file or folder, if it is there."""
        if self.system.exists(path):
            self.system.rm(path, recursive=True)

    def _join(self, path: str, header: bytes, parts: Sequence[str]) -> None:
        with self.renamed(path) as joined:
            joined.write(header)
            for part in parts:
                with self.system.open(part, "rb") as opened:
                    while block := opened.read(COPIED):
                        joined.write(block)
