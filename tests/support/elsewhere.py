"""Run commands as on another machine in another year, as far as one machine can act as another."""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from project import Project

LOCALE = "de_DE.ISO-8859-1"  # a decimal comma, and no UTF-8
USER = (
    "unshare",
    "--user",
    "--map-root-user",
    "--uts",
    "--",
    "sh",
    "-c",
    'hostname elsewhere && exec unshare --user --map-user=1234 --map-group=1234 -- "$@"',
    "sh",
)
OLD_CPU = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
}
CLOCK = ("faketime", "-f", "+400d")
# Every letter and line would look different, were it read.
MATPLOTLIBRC = "font.size: 22\nfont.family: serif\nsvg.fonttype: none\nlines.linewidth: 9\n"


@cache
def works(*wrapper: str) -> bool:
    """Whether a command can be run so on this machine."""
    if shutil.which(wrapper[0]) is None:
        return False
    return subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode == 0


def compile_locale(folder: Path) -> bool:
    """Compile the locale into a folder, for LOCPATH; tell whether it could be."""
    language, encoding = LOCALE.split(".")
    command = ["localedef", "-i", language, "-f", encoding, str(folder / LOCALE)]
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@cache
def has_locale() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        return compile_locale(Path(folder))


def elsewhere(project: Project, folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as another user of another machine, a year later, on one core.

    Another time zone, locale, home, umask, hash seed, number of threads, width of the terminal, and
    a CPU that seems to lack what was new in 2013 (NumPy and the C library are told so); what this machine cannot change is left as it is (`works`, `has_locale`).

    Parameters
    ----------
    project
        Its own folder tells the place apart.
    folder
        An empty one for the home.
    """
    home, locales = folder / "home", folder / "locales"
    (home / ".config" / "matplotlib").mkdir(parents=True, exist_ok=True)
    (home / ".config" / "matplotlib" / "matplotlibrc").write_text(MATPLOTLIBRC)
    (project.root / "matplotlibrc").write_text(MATPLOTLIBRC)
    locales.mkdir(exist_ok=True)
    compile_locale(locales)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {
        "PATH": path,
        "HOME": str(home),
        "USER": "somebody",
        "LOGNAME": "somebody",
        "TZ": "Asia/Kathmandu",
        "LC_ALL": LOCALE,
        "LOCPATH": str(locales),
        "PYTHONHASHSEED": "7",
        "OMP_NUM_THREADS": "3",
        "OPENBLAS_NUM_THREADS": "3",
        **OLD_CPU,
        "COLUMNS": "40",
        "TERM": "dumb",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    core = min(os.sched_getaffinity(0))
    wrapped = [part for wrapper in (USER, CLOCK) if works(*wrapper) for part in wrapper]
    done = subprocess.run(
        [*wrapped, "taskset", "--cpu-list", str(core), *command],
        cwd=project.root,
        env=environment,
        umask=0o077,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = done.stdout.decode(errors="replace")
    (project.root / "matplotlibrc").unlink()
    assert done.returncode == 0, said
    return subprocess.CompletedProcess(command, 0, said)
