"""What the containers of jobs run, run here: the same words, in folders of a test."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import make_url

from deployed import pods
from ecom.data.synthetic import generate_sessions
from ecom.models.pipelines import build_pipeline
from ecom.schema import FEATURE_SETS, FEATURES
from ecom.serving.feedback import Scored
from ecom.serving.limits import Keeping
from ecom.serving.store import Store
from generated import features_and_labels
from packaged import packaged, written
from project import ROOT, checkout
from servers import postgresql

pytestmark = pytest.mark.slow


def run(container: Any, tmp: Path, image: Path, **variables: str) -> int:
    """Run what a container runs, with folders for /tmp and for the image; return its exit status."""
    places = {"/tmp/": f"{tmp}/", "/app/package": f"{image}/package"}  # noqa: S108
    places |= {f"$({name})": value for name, value in variables.items()}

    def here(word: str) -> str:
        """Replace all names at once: what takes a place may hold another name."""
        names = "|".join(map(re.escape, places))
        return re.sub(names, lambda found: places[found[0]], word)

    words = [here(word) for word in (*container["command"], *container.get("args", ()))]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "PYTHONPATH": str(ROOT / "src")} | variables
    cwd = here(container["workingDir"]) if "workingDir" in container else image
    return subprocess.run(words, cwd=cwd, env=os.environ | environment, check=False).returncode


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return folders for two images, whose packages are a good and a poor one."""
    sessions, labels = features_and_labels()
    good = build_pipeline("logistic", seed=0).fit(sessions, labels)
    poor = build_pipeline("logistic", seed=0, feature_set="at_arrival").fit(
        sessions[list(FEATURE_SETS["at_arrival"])], labels
    )
    folders = {}
    for name, files in (
        ("good", packaged(good, "logistic")),
        ("poor", packaged(poor, "logistic", "at_arrival")),
    ):
        folders[name] = tmp_path_factory.mktemp(name)
        written(files, folders[name] / "package")
    return folders


@pytest.mark.parametrize(
    ("pair", "sessions", "status"),
    [("poor good", 4000, 0), ("good good", 4000, 0), ("good poor", 4000, 1), ("good good", 40, 3)],
    ids=["better", "the same", "worse", "too few sessions"],
)
def test_the_analysis_lets_through_what_is_better_or_no_worse_alone(
    packages: dict[str, Path], tmp_path: Path, pair: str, sessions: int, status: int
) -> None:
    (pod,) = (pod for name, pod in pods("production") if name == "ecom-judge")
    copies = {each["name"]: each for each in pod["initContainers"]}
    labelled = tmp_path / "labelled.csv"
    generate_sessions(sessions, seed=77).to_csv(labelled, index=False)

    for name, image in zip(("champion", "challenger"), pair.split(), strict=True):
        assert run(copies[name], tmp_path, packages[image]) == 0
    (tmp_path / "origin").mkdir()
    origin = checkout(tmp_path / "origin").root
    assert run(copies["clone"], tmp_path, tmp_path, REPOSITORY=f"file://{origin}") == 0
    judged = run(pod["containers"][0], tmp_path, tmp_path, LABELLED=str(labelled))

    assert judged == status


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """Run PostgreSQL; yield the variables of the secret."""
    with postgresql() as address:
        url = make_url(address)
        yield {
            "PGHOST": str(url.host),
            "PGPORT": str(url.port),
            "PGUSER": str(url.username),
            "PGDATABASE": str(url.database),
        }


def keep(sessions: pd.DataFrame) -> None:
    """Keep sessions in the store that the environment names, as a service does."""
    store = Store("postgresql://", Keeping(scores=True))
    inputs = {name: sessions[name].to_numpy() for name in FEATURES}
    size = len(sessions)
    store.keep(
        Scored("one", time.time(), "a", inputs, range(size), np.zeros(size), np.zeros(size, bool))
    )
    store.close()


@pytest.mark.parametrize(
    ("changed", "sessions", "told", "found"),
    [({}, 1500, True, False), ({"PageValues": 300.0}, 1500, True, True), ({}, 3, False, False)],
    ids=["no drift", "drift", "too few sessions"],
)
def test_the_statuses_of_both_containers_tell_drift_from_what_cannot_be_told(  # noqa: PLR0913, PLR0917  what differs
    packages: dict[str, Path],
    server: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    changed: dict[str, float],
    sessions: int,
    *,
    told: bool,
    found: bool,
) -> None:
    pod = dict(pods("production"))["ecom-drift"]
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    subprocess.run(["psql", "-qc", "DROP TABLE IF EXISTS scores, outcomes"], check=True)
    keep(generate_sessions(sessions, seed=5).assign(**changed))

    status = run(pod["initContainers"][0], tmp_path, packages["good"])

    assert (status == 0) is told
    if told:
        verdict = run(pod["containers"][0], tmp_path, packages["good"])
        assert (verdict != 0) is found
