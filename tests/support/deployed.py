"""What deploy/ has: the tools that check it, and the manifests of an overlay."""

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from project import ROOT

DEPLOY = ROOT / "deploy"
OVERLAYS = ("staging", "production")
TOOLS = Path(sys.prefix) / "deploy"
SCHEMAS = DEPLOY / "kubernetes" / "schemas" / "node_modules"


def require_tools() -> None:
    """Skip where `make lint-deploy` has not installed what it checks with."""
    if not (TOOLS / "bin" / "kubectl").exists() or not SCHEMAS.exists():
        pytest.skip(f"no tools for deployment in {TOOLS}: `make lint-deploy` installs them")


@cache
def rendered(overlay: str) -> list[Any]:
    """Return the manifests that a cluster would get."""
    require_tools()
    done = subprocess.run(
        [TOOLS / "bin" / "kubectl", "kustomize", DEPLOY / "kubernetes" / "overlays" / overlay],
        check=True,
        capture_output=True,
        text=True,
    )
    return list(YAML(typ="safe").load_all(done.stdout))


def of_kind(overlay: str, kind: str) -> dict[str, Any]:
    """Return the manifests of a kind by their names."""
    return {each["metadata"]["name"]: each for each in rendered(overlay) if each["kind"] == kind}


def pods(overlay: str) -> Iterator[tuple[str, Any]]:
    """Yield the name of each workload, and the specification of its pods."""
    for each in rendered(overlay):
        spec = each.get("spec", {})
        name = each["metadata"]["name"]
        match each["kind"]:
            case "Deployment":
                yield name, spec["template"]["spec"]
            case "CronJob":
                yield name, spec["jobTemplate"]["spec"]["template"]["spec"]
            case "AnalysisTemplate":
                for metric in spec["metrics"]:
                    if "job" in metric["provider"]:
                        yield name, metric["provider"]["job"]["spec"]["template"]["spec"]


def containers(overlay: str) -> Iterator[tuple[str, Any]]:
    """Yield the name of each workload with each of its containers, those that run first first."""
    for name, pod in pods(overlay):
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            yield f"{name}/{container['name']}", container
