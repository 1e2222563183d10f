"""Champions on a real database: moved, moved back, and kept with their reasons."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from sklearn.metrics import average_precision_score

from ecom.data.synthetic import generate_sessions
from ecom.errors import ProjectError
from ecom.evaluation.counts import Floats
from ecom.models.pipelines import build_pipeline
from ecom.project.states import folder_state
from ecom.schema import FEATURE_SETS, TARGET
from ecom.tracking import registry
from ecom.tracking.packages import version_by_number
from ecom.tracking.registry import CHAMPIONS, MOVES, TAG_LIMIT, RecordedState, promote, rollback
from ecom.tracking.runs import COMPARED, CROSS_FIT_PR_AUC
from ecom.tracking.store import CHALLENGER, REGISTERED, Store
from generated import features_and_labels
from packaged import packaged, written
from project import ROOT
from recorded import SCORES, SESSIONS, state

pytestmark = pytest.mark.slow


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """Return a client of a record with three versions of the model, without runs."""
    for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    store = Store(tmp_path)
    with store.client() as opened:
        opened.create_registered_model(REGISTERED)
        for number in range(3):
            opened.create_model_version(REGISTERED, str(tmp_path / f"model{number}"))
    return MlflowClient(store.address, registry_uri=store.address)


def champion(client: MlflowClient) -> str:
    return str(client.get_model_version_by_alias(REGISTERED, registry.CHAMPION).version)


def test_the_challenger_becomes_the_first_champion(client: MlflowClient, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="has no challenger of ecom-purchase"):
        promote(tmp_path)
    client.set_registered_model_alias(REGISTERED, CHALLENGER, "2")

    move = promote(tmp_path)

    assert (champion(client), move.version, move.before) == ("2", "2", None)
    assert str(move) == "champion of ecom-purchase is version 2: the first champion"
    with pytest.raises(ProjectError, match="version 2 of ecom-purchase is champion already"):
        promote(tmp_path, "2")
    with pytest.raises(ProjectError, match="has no version 9"):
        promote(tmp_path, "9")


def test_a_rollback_goes_back_one_champion_at_a_time(client: MlflowClient, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="has no champion to roll back"):
        rollback(tmp_path)
    before: list[str] = []
    for number in ("1", "2", "3"):
        registry._move(client, version_by_number(client, number), before, "better")
        before.append(number)

    assert (rollback(tmp_path).version, champion(client)) == ("2", "2")
    assert (rollback(tmp_path).version, champion(client)) == ("1", "1")
    with pytest.raises(ProjectError, match="version 1 of ecom-purchase is the first champion"):
        rollback(tmp_path)
    moves = client.get_registered_model(REGISTERED).tags[MOVES].splitlines()
    assert [line.split(" ", 1)[1] for line in moves[-2:]] == [
        "version 2: rolled back from version 3",
        "version 1: rolled back from version 2",
    ]


def recorded_version(
    client: MlflowClient,
    folder: Path,
    scores: Floats,
    *,
    sessions: pd.DataFrame = SESSIONS,
    package: dict[str, bytes] | None = None,
) -> str:
    """Register a version with the results that comparing needs; return its number."""
    kept = state("any", sessions, scores)
    experiment = client.get_experiment_by_name("Default")
    assert experiment
    run = client.create_run(experiment.experiment_id)
    for path in COMPARED:
        local = folder / run.info.run_id / path
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(kept.read(path))
        client.log_artifact(run.info.run_id, str(local), str(Path(path).parent).strip("."))
    pr_auc = average_precision_score(sessions[TARGET], scores)
    client.log_metric(run.info.run_id, CROSS_FIT_PR_AUC, pr_auc)
    source = folder / f"model of {run.info.run_id}"
    if package is not None:
        (source / "artifacts").mkdir(parents=True)
        (source / "MLmodel").write_text("flavors: {}\n", encoding="utf-8")
        written(package, source / "artifacts" / "package")
    created = client.create_model_version(REGISTERED, str(source), run_id=run.info.run_id)
    return str(created.version)


def test_models_without_shared_sessions_are_judged_on_others(
    client: MlflowClient, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    new = str(tmp_path / "new.csv")
    generate_sessions(4000, seed=77).to_csv(new, index=False)
    features, labels = features_and_labels()
    columns = list(FEATURE_SETS["at_arrival"])
    good = build_pipeline("logistic", seed=0).fit(features, labels)
    blind = build_pipeline("logistic", feature_set="at_arrival", seed=0)
    packages = {
        "good": packaged(good, "logistic"),
        "poor": packaged(blind.fit(features[columns], labels), "logistic", "at_arrival"),
    }
    halves = [(SESSIONS[:400], SCORES[:400]), (SESSIONS[400:], SCORES[400:])]
    poor, better = (
        recorded_version(client, tmp_path, scores, sessions=sessions, package=packages[name])
        for name, (sessions, scores) in zip(("poor", "good"), halves, strict=True)
    )
    promote(tmp_path, poor)

    with pytest.raises(ProjectError, match=r"share 0 sessions.*give --sessions with labelled"):
        promote(tmp_path, better)
    move = promote(tmp_path, better, sessions=new)

    assert champion(client) == better
    assert f"beside version {poor}: 🟢 Better: " in move.reason
    assert f", on {new}" in move.reason


def test_a_worse_model_is_not_promoted_unless_for_a_reason(
    client: MlflowClient, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    noise = np.random.default_rng(1).random(len(SCORES))
    best, poor = (
        recorded_version(client, tmp_path, (1 - share) * SCORES + share * noise)
        for share in (0.0, 0.9)
    )
    twin = recorded_version(client, tmp_path, 0.1 * SCORES + 0.9 * noise)
    promote(tmp_path, best)

    with pytest.raises(
        ProjectError, match=rf"version {poor} is not promoted over {best}: 🔴 Worse"
    ):
        promote(tmp_path, poor)
    move = promote(tmp_path, poor, because="a column may no longer be used")

    assert move.reason.startswith(
        f"a column may no longer be used; beside version {best}: 🔴 Worse: PR-AUC"
    )
    # The reason is why the best champion no longer counts.
    assert "No worse" in promote(tmp_path, twin).reason
    with pytest.raises(ProjectError, match='--because "" gives no reason'):
        promote(tmp_path, best, because=" ")


def test_no_worse_than_the_champion_is_not_enough_if_a_better_one_was_champion(
    client: MlflowClient, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    noise = np.random.default_rng(1).random(len(SCORES))
    poorer = 0.1 * SCORES + 0.9 * noise
    best, step, twin = (
        recorded_version(client, tmp_path, scores) for scores in (SCORES, poorer, poorer)
    )
    promote(tmp_path, best)
    # As many small steps down would leave it, each of them no worse than the one before.
    registry._move(client, version_by_number(client, step), [best], "no worse")

    with pytest.raises(
        ProjectError, match=rf"{twin} is not promoted over {best}: 🔴 Worse.*--because"
    ):
        promote(tmp_path, twin)


def test_an_alias_that_was_moved_by_hand_starts_a_new_line_of_champions(
    client: MlflowClient, tmp_path: Path
) -> None:
    registry._move(client, version_by_number(client, "1"), [], "the first champion")
    client.set_registered_model_alias(REGISTERED, registry.CHAMPION, "3")

    assert registry._champions(client, "3") == ["3"]
    client.set_registered_model_tag(REGISTERED, CHAMPIONS, "1,3,2")
    assert registry._champions(client, "3") == ["1", "3"]
    assert tmp_path.exists()


def test_the_oldest_moves_are_dropped_whole(client: MlflowClient) -> None:
    long = [str(number) for number in range(10_000, 12_000)]
    for reason in ("first", "second", "third"):
        text = reason + "x" * (TAG_LIMIT // 3)
        registry._move(client, version_by_number(client, "1"), long, text)

    tags = client.get_registered_model(REGISTERED).tags
    moves, champions = tags[MOVES].splitlines(), tags[CHAMPIONS].split(",")
    assert [re.findall("first|second|third", move) for move in moves] == [["second"], ["third"]]
    assert champions == [*long, "1"][-len(champions) :]
    assert len(tags[CHAMPIONS]) <= TAG_LIMIT


def test_a_move_that_is_longer_than_a_tag_is_cut() -> None:
    assert registry._newest(["old", "x" * (TAG_LIMIT + 1)], "\n") == "x" * TAG_LIMIT


def test_a_recorded_state_is_never_stale(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_bytes((ROOT / "dvc.lock").read_bytes())
    folder = folder_state(tmp_path)

    state = RecordedState("version 1", None, folder._files)

    assert state.stale() == []
    assert state.holds("dvc.lock")
    assert not state.holds("models/best_model.joblib")
