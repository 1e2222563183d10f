"""Packages by what people call them: a folder, a version, an alias or number, a state."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ecom.errors import PackageError, ProjectError
from ecom.project.files import PACKAGE
from ecom.project.states import open_state
from ecom.serving.manifest import MANIFEST
from ecom.serving.package import Package, open_package
from ecom.storage import RemoteError
from ecom.tracking.provenance import PREFIX
from ecom.tracking.store import REGISTERED, Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

VERSION: Final = re.compile("[0-9a-f]{7,64}")  # of a package: SHA-256 of its manifest, or its start
NUMBER: Final = re.compile("[0-9]{1,6}")  # of a registered model
WANTED: Final = (
    f"expected a folder with {MANIFEST}, the version of a package as its answers name it, an alias "
    "or number of a registered model (a champion is one that was promoted), or a git "
    "revision with results"
)
VERSION_TAG: Final = f"{PREFIX}package"


def find_package(root: Path, name: str) -> Package:
    """Open a package.

    Parameters
    ----------
    root
        Root folder of the project.
    name
        Folder; alias or number of a version of the registered model; version of a package, as
        answers name it, of this folder or registered; or git revision or DVC experiment.

    Raises
    ------
    ProjectError
        There is no such package.
    PackageError
        It is damaged.
    TrackingError
        MLflow does not answer.
    """
    if not name:
        raise ProjectError(f"a package has no name: {WANTED}")
    folder = Path(name)
    if (folder / MANIFEST).is_file():
        return open_package(folder)
    own = root / PACKAGE
    if VERSION.fullmatch(name) and (own / MANIFEST).is_file():
        package = open_package(own)
        if package.version.startswith(name):
            return package
    registered = _registered(root, name)
    return registered if registered else _of_state(root, name)


def _registered(root: Path, name: str) -> Package | None:
    store = Store(root)
    if not store.exists:
        return None
    with store.client() as client:
        version = _model_version(client, name)
        return None if version is None else registered_package(store, version)


def registered_package(store: Store, version: Any) -> Package:
    """Open the package of a version of the registered model.

    Raises
    ------
    PackageError
        The version has none, or a damaged one.
    """
    with TemporaryDirectory() as folder:
        held = Path(store.download_model(version.version, folder))
        manifests = sorted(held.rglob(MANIFEST))
        if not manifests:
            raise PackageError(
                f"version {version.version} of {REGISTERED} has no package: an older version of "
                "ecom recorded it"
            )
        return open_package(manifests[0].parent)


def _model_version(client: "MlflowClient", name: str) -> Any:
    """Return a registered version by number, alias or version of its package; None if none is."""
    alias = name.removeprefix(f"models:/{REGISTERED}").removeprefix("@").removeprefix("/")
    if NUMBER.fullmatch(alias):
        return version_by_number(client, alias)
    if (aliased := version_by_alias(client, alias)) is not None:
        return aliased
    for each in client.search_model_versions(f"name='{REGISTERED}'"):
        if VERSION.fullmatch(alias) and each.tags.get(VERSION_TAG, "").startswith(alias):
            return each
    return None


def version_by_number(client: "MlflowClient", number: str) -> Any:
    """Return the version of the registered model with a number; None if there is none."""
    found = client.search_model_versions(f"name='{REGISTERED}'")
    return next((version for version in found if number_of(version) == number), None)


def number_of(version: Any) -> str:
    """Return the number of a version as text: servers return text, a database a number."""
    return str(version.version)


def version_by_alias(client: "MlflowClient", alias: str) -> Any:
    """Return the version of the registered model that has an alias; None if none has."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(REGISTERED, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _of_state(root: Path, name: str) -> Package:
    try:
        state = open_state(root, name)
        paths = [path for path in state.lock.outs if path.startswith(f"{PACKAGE}/")]
        contents = {Path(path).name: state.read(path) for path in paths}
    except RemoteError:
        raise
    except ProjectError as error:
        raise ProjectError(f"there is no package {name}: {WANTED} ({error})") from None
    with TemporaryDirectory() as folder:
        for file, content in contents.items():
            (Path(folder) / file).write_bytes(content)
        try:
            return open_package(Path(folder))
        except PackageError as error:
            raise PackageError(f"{name}: {str(error).replace(f'{folder}/', '')}") from None
