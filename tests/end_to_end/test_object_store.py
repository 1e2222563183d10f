"""An object store holds what a team shares: outputs, data, runs and scores."""

import os
import re
import shutil
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import md5, sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError
from mlflow import MlflowClient

from ecom.tracking.runs import PIPELINE_EXPERIMENT
from object_store import KEY, READER, SECRET, ObjectStore, object_store
from pages import commands
from project import RAW, Project
from servers import mlflow_server
from team import clone, holds_its_outputs

BUCKET = "shop"
MODEL = "models/best_model.joblib"
PREDICTIONS = "data/predictions/test.parquet"
ECOM = ("python", "-m", "ecom")
WRONG = "wrong"
JOB = (
    "import sys; from pathlib import Path; from ecom.serving.bulk.job import *\n"
    "if __name__ == '__main__':\n"
    "    package, settings = Path('models/package'), Settings(part_rows=300)\n"
    "    score_all(*sys.argv[1:3], package, settings, workers=int(sys.argv[3]))"
)


@pytest.fixture(scope="module", autouse=True)
def _nobody() -> Iterator[None]:
    """Hide the credentials of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        yield


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    """Run a store with a bucket."""
    with object_store() as started:
        started.client().create_bucket(Bucket=BUCKET)
        yield started


@pytest.fixture(scope="module")
def upstream(
    synthetic: Project, store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a Git repository that names the store, which holds all outputs."""
    first = clone(synthetic.root, tmp_path_factory.mktemp("first") / "project")
    first.run("dvc", "cache", "dir", "--local", str(synthetic.root / ".dvc" / "cache"))
    first.run(*shown("dvc remote add --default storage s3://BUCKET/dvc"))
    first.run(*shown("dvc remote modify storage endpointurl ADDRESS", ADDRESS=store.address))
    first.run(*shown("dvc remote modify storage verify true"))
    first.commit()
    first.run("dvc", "push", **store.member())
    return first.root


@pytest.fixture(scope="module")
def member(upstream: Path, store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a clone whose outputs come from the store."""
    project = clone(upstream, tmp_path_factory.mktemp("member") / "project")
    project.run("dvc", "pull", **store.member())
    return project


def shown(command: str, **values: str) -> list[str]:
    """Return a command that the docs show, with values in the place of what stands for them."""
    assert command in commands()
    values |= {"BUCKET": BUCKET}
    return [re.sub("[A-Z]{3,}", lambda name: values[name[0]], word) for word in command.split()]


def refusal(client: Any, **request: Any) -> str:
    """Return the code with which the store refuses to take an object."""
    with pytest.raises(ClientError) as refused:
        client.put_object(Bucket=BUCKET, Body=b"new", **request)
    return str(refused.value.response["Error"]["Code"])


def test_the_store_is_strict(store: ObjectStore) -> None:
    client, new, old = store.client(), "strict/new", "strict/old"
    client.put_object(Bucket=BUCKET, Key=old, Body=b"old", IfNoneMatch="*")
    wrong_md5, wrong_sha256 = (
        b64encode(digest(b"other").digest()).decode() for digest in (md5, sha256)
    )

    assert refusal(store.client(secret=WRONG), Key=new) == "SignatureDoesNotMatch"
    assert refusal(store.client(key="nobody"), Key=new) == "InvalidAccessKeyId"
    assert refusal(store.client(*READER), Key=new) == "AccessDenied"
    assert refusal(client, Key=new, ContentMD5=wrong_md5) == "BadDigest"
    assert refusal(client, Key=new, ChecksumSHA256=wrong_sha256) == "BadDigest"
    assert refusal(client, Key=old, IfNoneMatch="*") == "PreconditionFailed"
    assert list(store.objects(BUCKET, "strict")) == [old]
    assert store.read(BUCKET, old) == b"old"


def test_a_clone_pulls_what_another_pushed(member: Project, synthetic: Project) -> None:
    assert member.outs() == synthetic.outs()
    assert holds_its_outputs(member)
    assert member.changed() == ""


def test_repro_in_a_clone_pulls_what_it_needs_and_runs_no_stage(
    upstream: Path, store: ObjectStore, tmp_path: Path
) -> None:
    project = clone(upstream, tmp_path / "clone")

    done = project.run(*shown("dvc repro --pull"), **store.member()).stdout

    assert "Running stage" not in done
    assert "Data and pipelines are up to date." in done
    assert holds_its_outputs(project)
    assert project.changed() == ""


def test_credentials_in_the_local_configuration_open_the_store_and_never_reach_git(
    upstream: Path, store: ObjectStore, tmp_path: Path
) -> None:
    project = clone(upstream, tmp_path / "clone")
    project.run(*shown("dvc remote modify --local storage access_key_id KEY", KEY=KEY))
    project.run(*shown("dvc remote modify --local storage secret_access_key SECRET", SECRET=SECRET))

    project.run("dvc", "pull", MODEL, **store.stranger)

    assert SECRET in (project.root / ".dvc" / "config.local").read_text(encoding="utf-8")
    project.commit()
    assert SECRET not in project.run("git", "log", "--all", "--patch").stdout


@pytest.mark.parametrize(
    ("secret", "says"), [(WRONG, "Forbidden"), (None, "Unable to locate credentials")]
)
def test_without_the_right_credentials_nothing_comes(
    upstream: Path, store: ObjectStore, tmp_path: Path, secret: str | None, says: str
) -> None:
    project = clone(upstream, tmp_path / "clone")
    someone = store.member(secret=secret) if secret else store.stranger

    pull = project.run("dvc", "pull", check=False, **someone)
    judge = project.run(*ECOM, "judge", "HEAD", "HEAD", "sessions.csv", check=False, **someone)

    assert pull.returncode == 1
    assert f"failed to connect to s3 ({BUCKET}/dvc/files/md5) - {says}" in pull.stdout
    assert judge.returncode == 3  # 1 would say that a model is worse
    assert re.fullmatch(
        rf"ecom: models/package/\S+ of HEAD \(\w+\) is not in the DVC cache, and no remote "
        rf"gives it: {says}\n",
        judge.stdout,
    )
    assert not list(project.root.rglob("*.joblib"))
    assert not list((project.root / ".dvc" / "cache").rglob("*"))
    assert project.changed() == ""


def test_whoever_may_only_read_pulls_and_cannot_push(
    upstream: Path, store: ObjectStore, tmp_path: Path
) -> None:
    project, stored = clone(upstream, tmp_path / "clone"), store.objects(BUCKET)
    (project.root / "own.csv").write_text("1\n", encoding="utf-8")
    project.run("dvc", "add", "--quiet", "own.csv")

    project.run("dvc", "pull", MODEL, **store.member(*READER))
    push = project.run("dvc", "push", "own.csv", check=False, **store.member(*READER))

    assert push.returncode == 1
    assert "Access Denied" in push.stdout
    assert store.objects(BUCKET) == stored


def without_cache(member: Project, folder: Path) -> Project:
    """Copy a project, but for what DVC's cache holds."""
    shutil.copytree(member.root, folder, symlinks=True)
    shutil.rmtree(folder / ".dvc" / "cache")
    return Project(folder)


def test_a_review_without_credentials_says_so_and_takes_the_workspace(
    member: Project, store: ObjectStore, tmp_path: Path
) -> None:
    project = without_cache(member, tmp_path / "clone")

    found = project.run(*ECOM, "compare", **store.stranger).stdout

    assert "no remote gives it: Unable to locate credentials" in found
    assert "workspace are used, which come from the same code, data and params" in found
    assert "No worse: every session gets the same score" in found


@contextmanager
def changed(store: ObjectStore, digest: str, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """Change an output in the store until the block ends."""
    key = f"dvc/files/md5/{digest[:2]}/{digest[2:]}"
    content = store.read(BUCKET, key)
    store.client().put_object(Bucket=BUCKET, Key=key, Body=change(content))
    try:
        yield
    finally:
        store.client().put_object(Bucket=BUCKET, Key=key, Body=content)


def test_an_object_that_was_changed_in_the_store_is_not_taken_for_the_output(
    upstream: Path, store: ObjectStore, tmp_path: Path
) -> None:
    project = clone(upstream, tmp_path / "clone")
    digest = project.outs()[MODEL]
    with changed(store, digest, lambda content: content[:-1] + b"?"):
        done = project.run("dvc", "pull", MODEL, check=False, **store.member())

    assert done.returncode == 1
    assert f"Checkout failed for following targets:\n{MODEL}" in done.stdout
    assert not (project.root / MODEL).exists()
    assert not list((project.root / ".dvc" / "cache").rglob(digest[2:]))


def test_results_that_were_changed_in_the_store_are_not_compared(
    member: Project, store: ObjectStore, tmp_path: Path
) -> None:
    project = without_cache(member, tmp_path / "clone")

    def perfect(content: bytes) -> bytes:
        scores = pd.read_parquet(BytesIO(content))
        return scores.assign(best_model=scores["Revenue"]).to_parquet()

    with changed(store, project.outs()[PREDICTIONS], perfect):
        found = project.run(*ECOM, "compare", **store.member()).stdout

    assert f"{PREDICTIONS} of HEAD" in found
    assert "is not what dvc.lock records: the DVC cache or the remote was changed" in found
    assert "workspace are used, which come from the same code, data and params" in found


def test_the_raw_data_is_fetched_from_the_store_by_its_hash(
    member: Project, store: ObjectStore, tmp_path: Path
) -> None:
    content = (member.root / RAW).read_bytes()
    store.client().put_object(Bucket=BUCKET, Key="raw/sessions.csv", Body=content)
    project = clone(member.root, tmp_path / "clone")
    project.set_params(
        {
            "data.source": "real",
            "data.sources": [f"s3://{BUCKET}/raw/sessions.csv"],
            "data.sha256": sha256(content).hexdigest(),
            "data.retries": 0,
        }
    )
    fetch = ("python", "stages/fetch.py")

    refused = project.run(*fetch, check=False, **store.stranger, AWS_ENDPOINT_URL=store.address)
    project.run(*fetch, **store.member(), AWS_ENDPOINT_URL=store.address)
    fetched = (project.root / RAW).read_bytes()
    (project.root / RAW).unlink()
    store.client().put_object(Bucket=BUCKET, Key="raw/sessions.csv", Body=content + b"more")
    other = project.run(*fetch, check=False, **store.member(), AWS_ENDPOINT_URL=store.address)

    assert refused.returncode == 69
    assert "Unable to locate credentials" in refused.stdout
    assert fetched == content
    assert other.returncode == 1
    assert "sha256 with LF line ends: expected" in other.stdout
    assert not (project.root / RAW).exists()


def test_scores_are_written_from_the_store_into_the_store(
    member: Project, store: ObjectStore, tmp_path: Path
) -> None:
    content = (member.root / RAW).read_bytes()
    store.client().put_object(Bucket=BUCKET, Key="months/nov.csv", Body=content)
    source, target = f"s3://{BUCKET}/months/nov.csv", f"s3://{BUCKET}/scores"

    def score(*arguments: str, **someone: Any) -> "subprocess.CompletedProcess[str]":
        someone |= {"AWS_ENDPOINT_URL": store.address}
        return member.run(*ECOM, "score", *arguments, check=False, **someone)

    done = score(source, f"{target}/nov.csv", **store.member())
    again = score(source, f"{target}/nov.csv", **store.member())
    reader = score(source, f"{target}/denied.csv", **store.member(*READER))
    stranger = score(source, f"{target}/denied.csv", **store.stranger)
    score(RAW, str(tmp_path / "nov.csv"))

    assert "1,500 rows" in done.stdout
    assert "was complete: 1,500 rows" in again.stdout
    assert (reader.returncode, stranger.returncode) == (1, 1)
    assert reader.stdout == f"ecom: {target}/denied.csv cannot be written: Access Denied.\n"
    assert stranger.stdout == f"ecom: {source} cannot be read: Unable to locate credentials\n"
    assert list(store.objects(BUCKET, "scores/")) == [
        "scores/nov.csv",
        "scores/nov.csv.manifest.json",
    ]
    assert store.read(BUCKET, "scores/nov.csv") == (tmp_path / "nov.csv").read_bytes()


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.prove)])
def test_a_scoring_job_that_was_killed_goes_on_in_the_store(
    member: Project, store: ObjectStore, tmp_path: Path, workers: str
) -> None:
    at = f"killed{workers}"
    for name in ("oct", "nov"):
        sessions = (member.root / RAW).read_bytes()
        store.client().put_object(Bucket=BUCKET, Key=f"{at}/days/{name}.csv", Body=sessions)
        (tmp_path / "days").mkdir(exist_ok=True)
        (tmp_path / "days" / f"{name}.csv").write_bytes(sessions)
    script = tmp_path / "job.py"
    script.write_text(JOB)
    environment = os.environ | store.member() | {"AWS_ENDPOINT_URL": store.address}

    def begun(folder: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(script), f"{folder}/days", f"{folder}/scored", workers]
        return subprocess.Popen(command, cwd=member.root, env=environment, start_new_session=True)

    with begun(f"s3://{BUCKET}/{at}") as killed:
        while not [
            key for key in store.objects(BUCKET, f"{at}/scored/_work/part-") if "json" in key
        ]:
            assert killed.poll() is None
        os.killpg(killed.pid, signal.SIGKILL)
    left = store.objects(BUCKET, f"{at}/scored/")
    assert begun(f"s3://{BUCKET}/{at}").wait() == 0
    assert begun(str(tmp_path)).wait() == 0

    assert f"{at}/scored/_manifest.json" not in left
    files = sorted((tmp_path / "scored").iterdir())
    assert {
        key.removeprefix(f"{at}/scored/"): store.read(BUCKET, key)
        for key in store.objects(BUCKET, f"{at}/scored/")
    } == {path.name: path.read_bytes() for path in files}
    assert sum(len(pd.read_parquet(path)) for path in files if path.suffix == ".parquet") == 3000


@pytest.mark.prove
def test_runs_are_recorded_by_a_server_that_alone_has_the_credentials(
    member: Project, store: ObjectStore, tmp_path: Path
) -> None:
    with mlflow_server(
        tmp_path / "server",
        f"sqlite:///{tmp_path}/runs.db",
        artifacts=f"s3://{BUCKET}/mlflow",
        AWS_ENDPOINT_URL=store.address,
        **store.member(),
    ) as (address, _):
        anyone = {"MLFLOW_TRACKING_URI": address, **store.stranger}

        member.run(*ECOM, "track", **anyone)
        judged = member.run(*ECOM, "judge", "challenger", "models/package", RAW, **anyone).stdout

    recorded = {Path(key).name for key in store.objects(BUCKET, "mlflow/")}
    assert {path.name for path in (member.root / "models" / "package").glob("[!.]*")} <= recorded
    assert "No worse: PR-AUC +0.0000" in judged
    assert "challenger → models/package" in judged
    assert not (member.root / "mlflow.db").exists()


@pytest.mark.prove
@pytest.mark.parametrize("secret", [WRONG, None])
def test_a_record_that_cannot_reach_its_artifacts_says_why(
    member: Project, store: ObjectStore, tmp_path: Path, secret: str | None
) -> None:
    address = f"sqlite:///{tmp_path}/runs.db"
    client = MlflowClient(address, registry_uri=address)
    client.create_experiment(PIPELINE_EXPERIMENT, artifact_location=f"s3://{BUCKET}/direct")
    someone = store.member(secret=secret) if secret else store.stranger

    done = member.run(
        *(*ECOM, "track"),
        check=False,
        MLFLOW_TRACKING_URI=address,
        AWS_ENDPOINT_URL=store.address,
        **someone,
    )

    assert done.returncode == 1
    assert done.stdout.startswith(f"ecom: MLflow at {address} failed: ")
    assert ("SignatureDoesNotMatch" if secret else "Unable to locate credentials") in done.stdout
    assert store.objects(BUCKET, "direct") == {}
