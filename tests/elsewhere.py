"""The same commands on what is, as far as one machine can be, another machine."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from project import Project

LOCALE = "de_DE.ISO-8859-1"  # a decimal comma, and no UTF-8
# Every letter and line would look different, were it read.
MATPLOTLIBRC = "font.size: 22\nfont.family: serif\nsvg.fonttype: none\nlines.linewidth: 9\n"


@cache
def _other_user() -> tuple[str, ...]:
    """Return what makes a command another user's, with rights on the same files, if it can be."""
    command = ("unshare", "--user", "--map-user=1234", "--map-group=1234", "--")
    can = shutil.which("unshare") and subprocess.run(
        [*command, "true"], capture_output=True, check=False
    )
    return command if can and can.returncode == 0 else ()


def elsewhere(project: Project, folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in another time zone, locale, home and umask, as another user, on one core.

    Parameters
    ----------
    project
        Its own folder tells the place apart.
    folder
        An empty one for the home.
    """
    home = folder / "home"
    (home / ".config" / "matplotlib").mkdir(parents=True, exist_ok=True)
    (home / ".config" / "matplotlib" / "matplotlibrc").write_text(MATPLOTLIBRC)
    (project.root / "matplotlibrc").write_text(MATPLOTLIBRC)
    locales = folder / "locales"
    locales.mkdir(exist_ok=True)
    if shutil.which("localedef"):
        language, encoding = LOCALE.split(".")
        subprocess.run(
            ["localedef", "-i", language, "-f", encoding, str(locales / LOCALE)],
            check=False, capture_output=True,
        )  # fmt: skip
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {
        "PATH": path, "HOME": str(home), "USER": "somebody", "LOGNAME": "somebody",
        "TZ": "Asia/Kathmandu", "LC_ALL": LOCALE, "LOCPATH": str(locales), "PYTHONHASHSEED": "7",
        "OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3", "COLUMNS": "40", "TERM": "dumb",
        "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
    }  # fmt: skip
    core = min(os.sched_getaffinity(0))
    done = subprocess.run(
        [*_other_user(), "taskset", "--cpu-list", str(core), *command],
        cwd=project.root, env=environment, umask=0o077, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said = done.stdout.decode(errors="replace")
    (project.root / "matplotlibrc").unlink()
    assert done.returncode == 0, said
    return subprocess.CompletedProcess(command, 0, said)
