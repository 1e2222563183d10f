"""Clones and remotes, as a team uses them."""

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from project import Project


@contextmanager
def remote(project: Project, url: str, **options: str) -> Iterator[None]:
    """Name a default remote of a project, for this machine alone, until the block ends."""
    project.run("dvc", "remote", "add", "--local", "--force", "--default", "storage", url)
    for name, value in options.items():
        project.run("dvc", "remote", "modify", "--local", "storage", name, value)
    try:
        yield
    finally:
        project.run("dvc", "remote", "remove", "--local", "storage")


def clone(upstream: Path, root: Path) -> Project:
    """Clone what the team shares: code, lock and metrics, no data."""
    subprocess.run(["git", "clone", "--quiet", str(upstream), str(root)], check=True)
    project = Project(root)
    project.run("git", "config", "user.name", "test")
    project.run("git", "config", "user.email", "test@example.org")
    return project


def holds_its_outputs(project: Project) -> bool:
    """Whether every output is there and is what dvc.lock says."""
    return all(
        hashlib.md5((project.root / path).read_bytes(), usedforsecurity=False).hexdigest() == md5
        for path, md5 in project.outs().items()
    )
