"""A wheel that holds a package and what scores with it, for environments without this project."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from ecom import digits
from ecom.errors import PackageError
from ecom.serving import scoring, standalone
from ecom.serving.package import open_package

NAME: Final = "purchase_model"
# Modules that the wheel takes along, by their name there.
MODULES: Final = {"__init__": standalone, "scoring": scoring, "digits": digits}
PROJECT: Final = """[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "{version}"
description = {description}
requires-python = ">=3.11"
dependencies = {dependencies}

[tool.setuptools]
packages = ["{name}"]

[tool.setuptools.package-data]
{name} = ["package/*"]
"""


def write_wheel(package: Path, output: Path) -> Path:
    """Write a package as a wheel.

    Parameters
    ----------
    package
        Folder of a package, which is checked first.
    output
        Folder to write to.

    Returns
    -------
    Path
        The wheel. The same package gives the same bytes.

    Raises
    ------
    PackageError
        The package is not what it was when it was made, or the wheel cannot be built.
    """
    opened = open_package(package)
    manifest = opened.manifest
    version = f"0+g{opened.version[:12]}"  # a local version: of this content, in no order
    with tempfile.TemporaryDirectory() as folder:
        root, inner = Path(folder), Path(folder) / NAME
        (inner / "package").mkdir(parents=True)
        for name, content in opened.contents.items():
            (inner / "package" / name).write_bytes(content)
        for name, module in MODULES.items():
            (inner / f"{name}.py").write_text(_moved(Path(str(module.__file__))), encoding="utf-8")
        project = PROJECT.format(
            name=NAME,
            version=version,
            description=json.dumps(f"Will a session end in a purchase? {manifest.description}"),
            dependencies=json.dumps(["numpy", f"onnxruntime>={manifest.made_with['onnxruntime']}"]),
        )
        (root / "pyproject.toml").write_text(project, encoding="utf-8")
        output.mkdir(parents=True, exist_ok=True)
        options = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(output))
        done = subprocess.run(  # noqa: S603  of our own making
            [sys.executable, "-m", "pip", "wheel", *options, str(root)],
            env=os.environ | {"SOURCE_DATE_EPOCH": "315532800"},  # 1980: the oldest in a zip
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PackageError(f"the wheel cannot be built: {done.stderr.strip()}")
    return output / f"{NAME}-{version}-py3-none-any.whl"


def _moved(module: Path) -> str:
    """Return a module that imports from the wheel what it imports from this library."""
    text = module.read_text(encoding="utf-8")
    for name, taken in MODULES.items():
        text = text.replace(f"from {taken.__name__} import", f"from {NAME}.{name} import")
    return text
