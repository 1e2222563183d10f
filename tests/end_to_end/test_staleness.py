"""Changing one knob, one module or one data file makes exactly the expected stages stale."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dvc.repo import Repo

from project import RAW, Project

MODELLING = {"baseline", "cv", "tune"}
FITTING = {*MODELLING, "refit"}
JUDGING = {"threshold", "evaluate"}
EVERY_STAGE = {
    "fetch", "validate", "clean", "features", *FITTING, *JUDGING, "explain", "model_card", "track",
}  # fmt: skip


def stale(project: Project) -> set[str]:
    """Return the stages whose own declaration changed; what follows them is stale by DVC's graph.

    What `dvc status --json` prints, without a process for each.
    """
    with Repo(str(project.root)) as repo:
        return {stage.rpartition(":")[2] for stage in repo.status()}


@contextmanager
def changed(project: Project, file: str) -> Iterator[Path]:
    """Put a file back as it was after the block, times and all."""
    path = project.root / file
    aside = path.with_name(f"{path.name}.aside")
    shutil.copy2(path, aside)
    try:
        yield path
    finally:
        aside.replace(path)


def rerun(output: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", output)


def test_nothing_is_stale_after_a_run_and_git_sees_no_change(unchanged: Project) -> None:
    again = unchanged.run("dvc", "repro").stdout

    assert "Data and pipelines are up to date." in again
    assert rerun(again) == []
    assert unchanged.changed() == ""


@pytest.mark.parametrize(
    ("knob", "value", "stages"),
    [
        ("data__retries", 2, {"fetch", "model_card"}),
        ("data__source", "real", EVERY_STAGE - {"refit", "track"}),
        ("validate__max_rows", 1999, {"validate"}),
        ("clean__drop_duplicates", False, {"clean"}),
        ("split__seed", 1, {"features", "model_card"}),
        ("features__set", "at_arrival", {*FITTING, "evaluate"}),
        ("folds__seed", 1, {*MODELLING, "model_card"}),
        ("bootstrap__resamples", 200, JUDGING),
        ("bootstrap__seed", 7, JUDGING),
        ("baseline__C", 0.5, {"baseline", "refit"}),
        ("cv__candidates", ["logistic"], {"cv"}),
        ("tune__n_iter", 3, {"tune"}),
        ("cv__rule", "one_standard_error", {"cv"}),
        ("tune__distributions__logistic__C__low", 0.01, {"tune"}),
        ("temporal__first_test_month", "Dec", {"refit", "evaluate"}),
        ("threshold__strategy", "quota", {"threshold"}),
        ("threshold__costs__false_negative", 9.0, {"threshold"}),
        ("threshold__quota", 0.3, {"threshold"}),
        ("evaluate__small_slice", 5, {"evaluate"}),
        ("explain__rows", 100, {"explain"}),
    ],
)
def test_a_knob_makes_the_stages_stale_that_read_it(
    synthetic: Project, knob: str, value: object, stages: set[str]
) -> None:
    with changed(synthetic, "params.yaml"):
        synthetic.set_params(**{knob: value})

        assert stale(synthetic) == {*stages, "track"}  # other knobs are another state


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("src/ecom/sources.py", {"fetch"}),
        ("src/ecom/validation.py", {"validate"}),
        ("src/ecom/cleaning.py", {"validate", "clean"}),
        ("src/ecom/splitting.py", {"features"}),
        ("src/ecom/features.py", {"features", *FITTING, "evaluate", "explain"}),
        ("src/ecom/averaging.py", {*FITTING, "evaluate", "explain"}),
        ("src/ecom/models.py", FITTING),
        ("src/ecom/search.py", MODELLING),
        ("src/ecom/evaluation.py", {*FITTING, *JUDGING}),
        ("src/ecom/resampling.py", {"refit", *JUDGING}),
        ("src/ecom/temporal.py", {"refit", "evaluate"}),
        ("src/ecom/curves.py", JUDGING),
        ("src/ecom/thresholds.py", JUDGING),
        ("src/ecom/comparison.py", {"refit", "evaluate"}),
        ("src/ecom/slices.py", {"evaluate"}),
        ("src/ecom/explanation.py", {"explain"}),
        ("src/ecom/drawing.py", {"explain"}),
        ("src/ecom/card.py", {"model_card"}),
        (".dvc/plots/cost.json", set()),
        ("src/ecom/schema.py", EVERY_STAGE),
        ("src/ecom/summary.py", set()),
        ("stages/tune.py", {"tune"}),
        ("stages/_stage.py", EVERY_STAGE),
        ("requirements.txt", EVERY_STAGE),
        ("requirements-dev.txt", set()),
        ("README.md", set()),
    ],
)
def test_a_file_makes_the_stages_stale_whose_code_it_is(
    synthetic: Project, file: str, stages: set[str]
) -> None:
    with changed(synthetic, file) as path:
        path.write_bytes(path.read_bytes() + b"# changed\n")

        assert stale(synthetic) == (stages | {"track"} if stages else stages)


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        (RAW, {"fetch", "validate", "clean"}),
        ("data/processed/online_shoppers_clean.csv", {"clean", "features"}),
        ("data/features/train.parquet", {"features", *FITTING, "evaluate", "explain", "track"}),
        ("data/features/test.parquet", {"features", "evaluate"}),
        ("models/best_model.joblib", {"tune", "evaluate", "explain", "track"}),
        ("models/refits.joblib", {"refit", "evaluate"}),
        ("data/predictions/best_model_out_of_fold.parquet", {"tune", "threshold", "track"}),
        ("metrics/cv.json", {"cv", "tune", "model_card", "track"}),
        ("metrics/threshold.json", {"threshold", "evaluate", "model_card", "track"}),
        ("plots/slices.csv", {"evaluate", "model_card", "track"}),
        ("docs/model_card.md", {"model_card", "track"}),
    ],
)
def test_a_data_file_makes_its_maker_and_its_readers_stale(
    synthetic: Project, file: str, stages: set[str]
) -> None:
    with changed(synthetic, file) as path:
        path.write_bytes(path.read_bytes() + b"\n")

        assert stale(synthetic) == stages


def test_an_experiment_reruns_what_its_knob_reaches_and_shows_in_the_metrics(
    unchanged: Project,
) -> None:
    done = unchanged.run("dvc", "exp", "run", "-S", "tune.n_iter=3", "-S", "tune.seed=7")

    assert rerun(done.stdout) == [
        "tune", "refit", "threshold", "evaluate", "explain", "model_card", "track",
    ]  # fmt: skip
    changes = json.loads(unchanged.run("dvc", "metrics", "diff", "--json").stdout)
    assert changes["metrics/tune.json"]["n_iter"] == {"old": 2, "new": 3, "diff": 1}
    assert set(changes) == {
        f"metrics/{name}.json" for name in ("tune", "threshold", "evaluate", "explain")
    }


@pytest.mark.parametrize(
    ("knobs", "stages"),
    [
        (["features.set=at_arrival"], [
            "baseline", "cv", "tune", "refit", "threshold", "evaluate", "explain", "model_card",
            "track",
        ]),
        (["cv.rule=one_standard_error", "cv.candidates=[logistic,logistic_interactions]"], [
            "cv", "tune", "refit", "threshold", "evaluate", "explain", "model_card",
            "track",
        ]),
        (["threshold.strategy=quota"], ["threshold", "evaluate", "model_card", "track"]),
        # A knob that the strategy does not read: the threshold stays, and all that follows.
        (["threshold.quota=0.3"], ["threshold", "track"]),
        (["temporal.first_test_month=null"], ["refit", "evaluate", "model_card", "track"]),
    ],
)  # fmt: skip
def test_each_knob_reruns_exactly_what_it_reaches(
    unchanged: Project, knobs: list[str], stages: list[str]
) -> None:
    done = unchanged.run("dvc", "exp", "run", *(part for knob in knobs for part in ("-S", knob)))

    assert rerun(done.stdout) == stages


def test_a_knob_set_back_is_served_from_the_cache(unchanged: Project) -> None:
    unchanged.run("dvc", "exp", "run", "-S", "tune.seed=8")
    back = unchanged.run("dvc", "exp", "run", "-S", "tune.seed=42").stdout

    assert back.count("is cached - skipping run") == 5
    assert unchanged.changed() == ""


def test_a_number_with_an_exponent_arrives_as_a_number(unchanged: Project) -> None:
    done = unchanged.run("dvc", "exp", "run", "-S", "baseline.C=1e-5", "baseline")

    assert rerun(done.stdout) == ["baseline"]


def test_an_experiment_in_a_workspace_of_its_own_runs_the_code_of_that_workspace(
    unchanged: Project,
) -> None:
    with (unchanged.root / "src" / "ecom" / "search.py").open("a", encoding="utf-8") as appended:
        appended.write('print("code of the workspace:", __file__)\n')

    done = unchanged.run("dvc", "exp", "run", "--temp", "-S", "tune.seed=9")

    assert rerun(done.stdout) == [
        "baseline", "cv", "tune", "refit", "threshold", "evaluate", "explain", "model_card", "track",
    ]  # fmt: skip
    assert re.search(
        r"code of the workspace: \S+/\.dvc/tmp/exps/\S+/src/ecom/search\.py", done.stdout
    )
