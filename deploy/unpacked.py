"""Run an image where no engine is: ``unpacked.py ARCHIVE FOLDER [OPTION...]``, as root.

As an engine would: the image's own user, environment and command, process 1 of its own, no
privileges to gain, and a root that cannot be written but for /tmp.
"""

import json
import os
import shutil
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

# What runs first in the new namespaces, with the folder and the command.
PREPARE = """
root=$1; shift
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -o remount,ro,bind "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
exec env --ignore-environment "$@"
"""


def which(program: str) -> str:
    """Return the path of a program, for where PATH is that of the image."""
    found = shutil.which(program)
    if found is None:
        raise SystemExit(f"{program} is not installed: apt-get install util-linux")
    return found


@dataclass(frozen=True)
class Image:
    """An image whose files are in a folder."""

    root: Path
    config: dict[str, Any]

    def command(self, *options: str, entrypoint: list[str] | None = None) -> list[str]:
        """Return the command that runs it, or another program in it, with options."""
        user, _, group = self.config["User"].partition(":")
        isolated = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", PREPARE)
        inside = ("--root", str(self.root), "--setuid", user, "--setgid", group)
        program = entrypoint or [*self.config["Entrypoint"], *self.config.get("Cmd", ())]
        return [
            *(*isolated, "sh", str(self.root), *self.config["Env"]),
            *(which("setpriv"), "--no-new-privs", which("unshare"), *inside),
            *(*program, *options),
        ]


def unpack(archive: Path, folder: Path) -> Image:
    """Unpack an OCI archive into a new folder."""
    folder.mkdir(parents=True)
    with tarfile.open(archive) as files:

        def blob(named: dict[str, str]) -> IO[bytes]:
            return _member(files, f"blobs/{named['digest'].replace(':', '/')}")

        (entry,) = json.load(_member(files, "index.json"))["manifests"]
        manifest = json.load(blob(entry))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=blob(layer)) as content:
                content.extractall(folder, filter="fully_trusted")  # noqa: S202  built by us
        return Image(folder, json.load(blob(manifest["config"]))["config"])


def _member(files: tarfile.TarFile, name: str) -> IO[bytes]:
    found = files.extractfile(name)
    if found is None:
        raise SystemExit(f"the archive has no {name}: expected one that deploy/build wrote")
    return found


if __name__ == "__main__":
    command = unpack(Path(sys.argv[1]), Path(sys.argv[2])).command(*sys.argv[3:])
    os.execvp(command[0], command)  # noqa: S606
