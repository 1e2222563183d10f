"""What git knows of the project."""

import shlex
import subprocess
from pathlib import Path

from ecom.errors import ProjectError

USUAL_BRANCHES = ("main", "master", "trunk")


def git(root: Path, *arguments: str, stdin: str | None = None) -> str | None:
    """Return what a git command prints, or None if it fails or git is not installed.

    Raises
    ------
    ProjectError
        The folder belongs to another user, so that git refuses to read it.
    """
    try:
        done = subprocess.run(  # noqa: S603  our own arguments
            ["git", *arguments],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            input=stdin,
        )
    except FileNotFoundError:
        return None
    if "dubious ownership" in done.stderr:
        raise ProjectError(
            f"{root} belongs to another user, so git refuses to read it: `git config --global "
            f"--add safe.directory {shlex.quote(str(root))}` allows it"
        )
    return done.stdout.strip() if done.returncode == 0 else None


def require_history(root: Path) -> None:
    """Refuse a folder that git does not know.

    Raises
    ------
    ProjectError
        The folder belongs to no git repository, or git is not installed.
    """
    if git(root, "rev-parse", "HEAD") is None:
        raise ProjectError(
            "this folder has no git history, which comparisons, reviews and experiments need: run "
            "`git init && git add . && git commit -m start`, then `make run`"
        )


def prefix(root: Path) -> str:
    """Return the path from git's root folder to the project's, with a final slash; often empty."""
    return git(root, "rev-parse", "--show-prefix") or ""


def fetch_missing(root: Path, revision: str) -> None:
    """Fetch the files of a commit that a partial clone does not have; DVC would wait for them."""
    if git(root, "config", "--get-regexp", r"remote\..*\.promisor") is None:
        return
    listed = git(root, "rev-list", "--objects", "--missing=print", "--max-count=1", revision) or ""
    missing = [line[1:] for line in listed.splitlines() if line.startswith("?")]
    # As git fetches them itself, all at once.
    quietly = ("--no-tags", "--no-write-fetch-head", "--recurse-submodules=no")
    for remote in (git(root, "remote") or "").splitlines() if missing else ():
        git(
            root,
            "fetch",
            *quietly,
            "--filter=blob:none",
            "--stdin",
            remote,
            stdin="\n".join(missing),
        )


def default_branch(root: Path) -> str:
    """Return the branch that changes go into: the remote's default, or the one of a usual name.

    Raises
    ------
    ProjectError
        There is neither.
    """
    remote = git(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
    for name in (*([remote] if remote else []), *USUAL_BRANCHES):
        if git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"):
            return name
    raise ProjectError(
        f"none of the branches {', '.join(USUAL_BRANCHES)} exists: name the one that changes go "
        "into, `make review BASE=BRANCH`"
    )
