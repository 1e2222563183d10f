"""What is installed is what was reviewed: pinned by hash, licensed, listed."""

import json
import re
import subprocess
import sys
from configparser import ConfigParser
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from project import ROOT

FILES = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-remotes.txt",
    "requirements-deploy.txt",
)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
# Licences that ask for more than a notice, of packages that are used as they come, unchanged and
# not shipped: `pip` fetches them from their authors.
REVIEWED_LICENCES = {
    "asyncssh": "EPL-2.0, by choice",
    "certifi": "MPL-2.0: a list of certificates",
    "dulwich": "Apache-2.0, by choice",
    "grandalf": "GPL-2.0: draws `dvc dag`; imported by nothing of ours",
    "huey": "MIT, which its metadata do not say",
    "orjson": "MPL-2.0, for a part",
    "pathspec": "MPL-2.0",
    "pygit2": "GPL-2.0 with linking exception: linking asks for nothing",
    "shtab": "MPL-2.0: completes commands in the shell",
    "skops": "MIT, which its metadata do not say",
    "tqdm": "MPL-2.0, for a part",
    "uvloop": "Apache-2.0 or MIT; only its address is unknown",
}


def blocks(name: str) -> list[tuple[Requirement, str]]:
    """Return each requirement of a file, and its text with its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return [
        (Requirement(line.partition(" --hash")[0]), line)
        for line in text.splitlines()
        if not line.lstrip().startswith("#")
    ]


def pins(name: str) -> dict[str, Requirement]:
    """Return what a file pins on this machine, by package."""
    return {
        str(canonicalize_name(requirement.name)): requirement
        for requirement, _ in blocks(name)
        if requirement.marker is None or requirement.marker.evaluate()
    }


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned_to_a_version_and_its_hashes(name: str) -> None:
    assert len(blocks(name)) > 100
    for requirement, text in blocks(name):
        assert [clause.operator for clause in requirement.specifier] == ["=="]
        assert HASH.search(text), text


@pytest.mark.parametrize("name", FILES[1:3])
def test_what_tests_and_remotes_add_leaves_the_pipelines_pins_as_they_are(name: str) -> None:
    more = pins(name)

    for package, requirement in pins("requirements.txt").items():
        assert more[package].specifier == requirement.specifier


def test_the_pins_are_renewed_for_all_files() -> None:
    commands = subprocess.run(
        ["make", "--dry-run", "lock"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()

    compiled = [line for line in commands if line.startswith("uv pip compile")]
    assert [line.rpartition(" ")[2] for line in compiled] == list(FILES)
    assert all("--upgrade " in line and "--generate-hashes " in line for line in compiled)


def test_the_environment_is_what_is_pinned() -> None:
    """As make sets it up; what was installed by hand shows here."""
    installed = {str(canonicalize_name(each.name)): each.version for each in distributions()}
    for package, requirement in pins("requirements-dev.txt").items():
        assert requirement.specifier.contains(installed[package]), package
    assert set(installed) <= {*pins(FILES[1]), *pins(FILES[2]), "ecom", "pip"}


def test_a_package_whose_bytes_were_changed_is_refused(tmp_path: Path) -> None:
    (block,) = (text for requirement, text in blocks(FILES[0]) if requirement.name == "zipp")
    block = re.sub(r"(sha256:)[0-9a-f]{4}", r"\g<1>0000", block)
    (tmp_path / "requirements.txt").write_text(block)

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-cache-dir",
            "--dest",
            str(tmp_path),
            "-r",
            str(tmp_path / "requirements.txt"),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if "Connection" in done.stderr or "No matching distribution" in done.stderr:
        pytest.skip("no registry of packages answers")

    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr


def test_the_list_of_licences_is_that_of_what_is_pinned() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "licences.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| Name")
    ]
    listed = {str(canonicalize_name(name)): version for name, version, *_ in rows}

    assert len(listed) > 100
    for package, requirement in pins("requirements.txt").items():
        assert requirement.specifier.contains(listed[package]), f"{package}: run `make docs`"
    assert set(listed) <= {canonicalize_name(r.name) for r, _ in blocks("requirements.txt")}


def test_licences_that_ask_for_more_than_a_notice_are_argued() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "licences.md").read_text(encoding="utf-8").splitlines()
        if re.search(r"GPL|GNU|MPL|Mozilla|EPL|UNKNOWN|Proprietary", line)
    ]

    assert {canonicalize_name(name) for name, *_ in rows} == set(REVIEWED_LICENCES)


@pytest.mark.slow
@pytest.mark.parametrize(
    "pins",  # of the environment and of both images
    [
        pytest.param("requirements.txt", marks=pytest.mark.prove),
        pytest.param("requirements-remotes.txt", marks=pytest.mark.prove),
        "deploy/service.txt",
    ],
)
def test_the_bill_of_materials_lists_each_pin_with_its_hashes_and_repeats(
    tmp_path: Path, pins: str
) -> None:
    bills = []
    for name in ("one.json", "other.json"):
        subprocess.run(
            [
                sys.executable,
                "-m",
                "cyclonedx_py",
                "requirements",
                "--pyproject",
                "pyproject.toml",
                "--output-reproducible",
                "--output-file",
                str(tmp_path / name),
                pins,
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        bills.append((tmp_path / name).read_bytes())
    bill = json.loads(bills[0])

    assert bills[0] == bills[1]
    assert bill["metadata"]["component"]["name"] == "ecom"
    listed = {canonicalize_name(each["name"]) for each in bill["components"]}
    assert listed == {canonicalize_name(r.name) for r, _ in blocks(pins)}
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])


def test_exceptions_from_security_rules_are_argued_where_they_stand() -> None:
    files = [
        path for folder in ("src", "stages", ".gitlab") for path in (ROOT / folder).rglob("*.py")
    ]
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if "noqa: S" in line:  # its reason stands there, or beside another of the statement
                nearby = lines[max(0, number - 6) : number + 2]
                assert any(re.search(r"noqa: S\d+  \w", other) for other in nearby), line


def test_the_shared_configuration_of_dvc_holds_no_credentials() -> None:
    shared = ConfigParser(interpolation=None)
    shared.read_string(
        re.sub("(?m)^ +", "", (ROOT / ".dvc" / "config").read_text(encoding="utf-8"))
    )
    secret = re.compile(r"key|secret|token|password|passphrase|connection_string")

    assert "core" in shared
    assert [name for part in shared.values() for name in part if secret.search(name)] == []
