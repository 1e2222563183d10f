"""What a release pins is what a cluster gets, and one command brings back what it had before.

`kubectl` itself is real, but renders what it would apply: there is no cluster here.
"""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from deployed import OVERLAYS, TOOLS, require_tools
from project import Project, checkout

pytestmark = pytest.mark.slow

SERVICE, PIPELINE = "ghcr.io/shop/ecom-service", "ghcr.io/shop/ecom-pipeline"


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a clone whose origin is a bare repository."""
    require_tools()
    (tmp_path / "clone").mkdir()
    project = checkout(tmp_path / "clone")
    project.run("git", "init", "--quiet", "--bare", str(tmp_path / "origin"))
    project.run("git", "remote", "add", "origin", str(tmp_path / "origin"))
    return project


@pytest.fixture
def kubectl(tmp_path: Path) -> str:
    """Return a command that keeps what `kubectl apply --kustomize FOLDER` would send."""
    script = tmp_path / "kubectl"
    script.write_text(
        '#!/bin/sh\ntest "$1 $2" = "apply --kustomize" && '
        f'exec "{TOOLS}/bin/kubectl" kustomize "$3" > "{tmp_path}/applied"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    return str(script)


def release(project: Project, kubectl: str, number: int, overlay: str = "production") -> None:
    """Commit what was changed, and release it with images of a number."""
    images = f"{SERVICE}@{digest(number)}", f"{PIPELINE}@{digest(number + 1)}"
    project.commit()
    project.run("deploy/release", overlay, *images, f"Release v{number}", KUBECTL=kubectl)
    project.run("git", "restore", "deploy")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_images_are_applied_by_the_digests_of_the_release(
    project: Project, kubectl: str, tmp_path: Path, overlay: str
) -> None:
    release(project, kubectl, 16, overlay)

    applied = (tmp_path / "applied").read_text(encoding="utf-8")
    assert f"image: {SERVICE}@{digest(16)}\n" in applied
    assert f"image: {PIPELINE}@{digest(17)}\n" in applied
    assert digest(0) not in applied


def test_a_rollback_applies_what_ran_before_the_last_release(
    project: Project, kubectl: str, tmp_path: Path
) -> None:
    release(project, kubectl, 16)
    first = (tmp_path / "applied").read_text(encoding="utf-8")
    network = project.root / "deploy" / "kubernetes" / "base" / "network.yaml"
    network.write_text(network.read_text("utf-8").replace("5432", "6432"), encoding="utf-8")
    release(project, kubectl, 32)
    second = (tmp_path / "applied").read_text(encoding="utf-8")

    project.run("deploy/rollback", "production", KUBECTL=kubectl)
    assert (tmp_path / "applied").read_text(encoding="utf-8") == first != second
    project.run("deploy/rollback", "production", KUBECTL=kubectl)
    assert (tmp_path / "applied").read_text(encoding="utf-8") == second

    log = project.run("git", "ls-remote", "--exit-code", "origin", "deployed/production").stdout
    subjects = project.run("git", "log", "--format=%s", log.split()[0]).stdout.splitlines()
    assert subjects == [
        "Back to: Release v32",
        "Back to: Release v16",
        "Release v32",
        "Release v16",
    ]


def test_the_champion_is_the_service_that_ran_until_now(
    project: Project, kubectl: str, tmp_path: Path
) -> None:
    images = []
    for number in (16, 32, 48):
        release(project, kubectl, number)
        manifests = YAML(typ="safe").load_all((tmp_path / "applied").read_text(encoding="utf-8"))
        (judge,) = (each for each in manifests if each["metadata"]["name"] == "ecom-judge")
        pod = judge["spec"]["metrics"][0]["provider"]["job"]["spec"]["template"]["spec"]
        judged = {each["name"]: each["image"] for each in pod["initContainers"]}
        images.append([judged[name].partition("@")[2] for name in ("champion", "challenger")])

    assert images == [
        [digest(16), digest(16)],  # nothing ran before
        [digest(16), digest(32)],
        [digest(32), digest(48)],
    ]


def test_after_one_release_there_is_nothing_to_go_back_to(project: Project, kubectl: str) -> None:
    release(project, kubectl, 16)

    done = project.run("deploy/rollback", "production", check=False, KUBECTL=kubectl)

    assert done.returncode == 1
    assert "has run one release alone" in done.stdout


def test_what_a_cluster_refuses_is_not_kept_as_what_it_runs(project: Project, kubectl: str) -> None:
    release(project, kubectl, 16)
    before = project.run("git", "ls-remote", "origin").stdout

    done = project.run("deploy/apply", "production", "HEAD", "no", check=False, KUBECTL="false")

    assert done.returncode == 1
    assert project.run("git", "ls-remote", "origin").stdout == before


@pytest.mark.parametrize(
    "image", ["ghcr.io/shop/ecom-service:v1", f"x@{digest(1)[:-1]}", f"x y@{digest(1)}", ""]
)
def test_an_image_without_its_digest_is_refused(project: Project, image: str) -> None:
    before = project.changed()

    done = project.run("deploy/pin", "staging", image, f"{PIPELINE}@{digest(2)}", check=False)

    assert done.returncode == 1
    assert "expected an image by digest" in done.stdout
    assert project.changed() == before
