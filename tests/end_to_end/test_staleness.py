"""Changing one knob, one module or one data file makes exactly the expected stages stale."""

import json
import re

import pytest

from project import RAW, Project

MODELLING = {"baseline", "cv", "tune"}
EVERY_STAGE = {"fetch", "validate", "clean", "features", *MODELLING, "evaluate"}


def stale(project: Project) -> set[str]:
    """Return the stages whose own declaration changed; what follows them is stale by DVC's graph."""
    return set(json.loads(project.run("dvc", "status", "--json").stdout))


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
        ("data__retries", 2, {"fetch"}),
        ("data__source", "real", EVERY_STAGE),
        ("validate__max_rows", 1999, {"validate"}),
        ("clean__drop_duplicates", False, {"clean"}),
        ("split__seed", 1, {"features"}),
        ("folds__seed", 1, MODELLING),
        ("baseline__C", 0.5, {"baseline", "evaluate"}),
        ("cv__candidates", ["logistic"], {"cv"}),
        ("tune__n_iter", 3, {"tune"}),
        ("tune__distributions__logistic__C__low", 0.01, {"tune"}),
    ],
)
def test_a_knob_makes_the_stages_stale_that_read_it(
    unchanged: Project, knob: str, value: object, stages: set[str]
) -> None:
    unchanged.set_params(**{knob: value})

    assert stale(unchanged) == stages


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("src/ecom/sources.py", {"fetch"}),
        ("src/ecom/validation.py", {"validate"}),
        ("src/ecom/cleaning.py", {"validate", "clean"}),
        ("src/ecom/splitting.py", {"features"}),
        ("src/ecom/features.py", {"features", *MODELLING, "evaluate"}),
        ("src/ecom/search.py", MODELLING),
        ("src/ecom/evaluation.py", {*MODELLING, "evaluate"}),
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
    unchanged: Project, file: str, stages: set[str]
) -> None:
    with (unchanged.root / file).open("a", encoding="utf-8") as appended:
        appended.write("# changed\n")

    assert stale(unchanged) == stages


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        (RAW, {"fetch", "validate", "clean"}),
        ("data/processed/online_shoppers_clean.csv", {"clean", "features"}),
        ("data/features/train.parquet", {"features", *MODELLING}),
        ("data/features/test.parquet", {"features", "evaluate"}),
        ("models/best_model.joblib", {"tune", "evaluate"}),
        ("metrics/cv.json", {"cv", "tune"}),
    ],
)
def test_a_data_file_makes_its_maker_and_its_readers_stale(
    unchanged: Project, file: str, stages: set[str]
) -> None:
    with (unchanged.root / file).open("ab") as appended:
        appended.write(b"\n")

    assert stale(unchanged) == stages


def test_an_experiment_reruns_what_its_knob_reaches_and_shows_in_the_metrics(
    unchanged: Project,
) -> None:
    done = unchanged.run("dvc", "exp", "run", "-S", "tune.n_iter=3", "-S", "tune.seed=7")

    assert rerun(done.stdout) == ["tune", "evaluate"]
    changes = json.loads(unchanged.run("dvc", "metrics", "diff", "--json").stdout)
    assert changes["metrics/tune.json"]["n_iter"] == {"old": 2, "new": 3, "diff": 1}
    assert set(changes) == {"metrics/tune.json", "metrics/evaluate.json"}


def test_a_knob_set_back_is_served_from_the_cache(unchanged: Project) -> None:
    unchanged.run("dvc", "exp", "run", "-S", "tune.seed=8")
    back = unchanged.run("dvc", "exp", "run", "-S", "tune.seed=42").stdout

    assert back.count("is cached - skipping run") == 2
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

    assert rerun(done.stdout) == ["baseline", "cv", "tune", "evaluate"]
    assert re.search(
        r"code of the workspace: \S+/\.dvc/tmp/exps/\S+/src/ecom/search\.py", done.stdout
    )
