"""A package is found by each of its names, on a real database and in a real repository."""

import shutil
import subprocess
from pathlib import Path

import mlflow
import pytest

from ecom.errors import PackageError, ProjectError
from ecom.models.pipelines import build_pipeline
from ecom.project.files import PACKAGE
from ecom.serving.package import Package, open_package
from ecom.tracking.packages import VERSION_TAG, find_package
from ecom.tracking.store import REGISTERED, Store
from generated import features_and_labels
from packaged import packaged, written

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return packaged(build_pipeline("logistic", seed=0).fit(*features_and_labels()), "logistic")


@pytest.fixture
def root(files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a package, in a repository without a record."""
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    root = tmp_path / "project"
    (root / PACKAGE).mkdir(parents=True)
    written(files, root / PACKAGE)
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    return root


def registered(root: Path, package: Package, *, whole: bool = True) -> None:
    """Register a version whose model holds the package, as the record does."""
    store = Store(root)
    model = root / "model"
    shutil.copytree(root / PACKAGE, model / "artifacts" / "package")
    (model / "MLmodel").write_text("flavors: {}\n", encoding="utf-8")
    if not whole:
        (model / "artifacts" / "package" / "manifest.json").unlink()
    with store.client() as client:
        client.create_registered_model(REGISTERED)
        client.create_model_version(REGISTERED, str(model), tags={VERSION_TAG: package.version})
        client.set_registered_model_alias(REGISTERED, "champion", "1")


def test_a_folder_is_a_package(root: Path) -> None:
    package = find_package(root, str(root / PACKAGE))

    assert package.version == open_package(root / PACKAGE).version


def test_the_folders_own_package_is_known_by_its_version(root: Path) -> None:
    version = open_package(root / PACKAGE).version

    assert find_package(root, version).version == version
    assert find_package(root, version[:9]).version == version


@pytest.mark.parametrize(
    "name", ["champion", "1", "@champion", f"models:/{REGISTERED}@champion", "VERSION"]
)
def test_a_registered_package_is_known_by_alias_number_and_version(root: Path, name: str) -> None:
    package = open_package(root / PACKAGE)
    registered(root, package)
    shutil.rmtree(root / PACKAGE)

    found = find_package(root, package.version[:12] if name == "VERSION" else name)

    assert found.version == package.version
    assert mlflow.get_tracking_uri() != Store(root).address


def test_a_registered_version_without_a_package_says_so(root: Path) -> None:
    registered(root, open_package(root / PACKAGE), whole=False)

    with pytest.raises(PackageError, match="version 1 of ecom-purchase has no package"):
        find_package(root, "champion")


@pytest.mark.parametrize("name", ["champion", "0" * 12, "no/such/folder", "HEAD", ""])
def test_what_is_no_package_is_told_what_would_be(root: Path, name: str) -> None:
    with pytest.raises(
        ProjectError, match=r"expected a folder with manifest\.json, the version of"
    ):
        find_package(root, name)
