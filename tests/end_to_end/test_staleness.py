"""Changing one parameter, one module or one data file makes exactly the expected stages stale."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from ecom.project.deps import code_deps
from params import COMMITTED
from project import RAW, ROOT, Project
from scripts import STAGES, sections_read_by

MODELLING = {"baseline", "cv", "tune"}
FITTING = {*MODELLING, "cross_fit", "feature_sets", "refit"}
JUDGING = {"threshold", "evaluate"}
EVERY_STAGE = set(STAGES)
LATER = {"explain", "package"}  # both read what the model was fitted to, and the model
CODE = code_deps(ROOT, list(STAGES))
FILES = subprocess.run(
    [
        "git",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        ".",
        ":!data",
        ":!dvc.*",
        ":!metrics",
        ":!params.yaml",
        ":!docs/*.md",
    ],
    cwd=ROOT,
    check=True,
    capture_output=True,
    text=True,
).stdout.split()


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


def other_than(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case list():
            return [*value, "another"]
    return "another"


def flat(node: Any, prefix: str = "") -> dict[str, Any]:
    """Return the values of params.yaml by their dotted names."""
    if not isinstance(node, dict):
        return {prefix: node}
    return {
        name: value
        for key, inner in node.items()
        for name, value in flat(inner, f"{prefix}.{key}" if prefix else key).items()
    }


VALUES = flat(COMMITTED)


def track_with(stages: set[str]) -> set[str]:
    """Add the stage that records: any other code or parameter is another state."""
    return stages | {"track"} if stages else stages


def readers_of(name: str) -> set[str]:
    """Return the stages whose code asks for a parameter or for the section it is in."""
    return {
        stage
        for stage in EVERY_STAGE
        if any(f"{name}.".startswith(f"{section}.") for section in sections_read_by(stage))
    }


@pytest.mark.parametrize("name", VALUES)
def test_a_parameter_makes_exactly_the_stages_stale_whose_code_asks_for_it(
    synthetic: Project, name: str
) -> None:
    readers = readers_of(name)
    assert bool(readers) is not name.startswith("review.")
    with changed(synthetic, "params.yaml"):
        synthetic.set_params({name: other_than(VALUES[name])})

        assert stale(synthetic) == track_with(readers)


IMPORTERS = {
    file: {stage for stage in EVERY_STAGE if file in CODE[stage]}
    for file in FILES
    if file != "requirements.txt"
}


@pytest.mark.parametrize("file", [file for file, stages in IMPORTERS.items() if stages])
def test_a_module_makes_exactly_the_stages_stale_that_import_it(
    synthetic: Project, file: str
) -> None:
    with changed(synthetic, file) as path:
        path.write_bytes(path.read_bytes() + b"# changed\n")

        assert stale(synthetic) == track_with(IMPORTERS[file])


def test_the_environment_makes_every_stage_stale_and_unrelated_files_make_none_stale(
    synthetic: Project,
) -> None:
    with ExitStack() as stack:
        for file in FILES:
            if file in IMPORTERS and not IMPORTERS[file]:
                path = stack.enter_context(changed(synthetic, file))
                path.write_bytes(path.read_bytes() + b"# changed\n")
        assert stale(synthetic) == set()

        stack.enter_context(changed(synthetic, "requirements.txt")).touch()
        assert stale(synthetic) == set()  # it is the content that counts
        (synthetic.root / "requirements.txt").write_text("numpy==1.0\n")
        assert stale(synthetic) == EVERY_STAGE


# Some of the above, spelled out: what is generated from the code goes wrong with the code.
@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("src/ecom/data/sources.py", {"fetch"}),
        ("src/ecom/params/section.py", EVERY_STAGE),
        ("src/ecom/params/tune.py", {"fetch", "tune", "feature_sets"}),
        ("src/ecom/data/cleaning.py", {"validate", "clean"}),
        ("src/ecom/features.py", EVERY_STAGE - {"validate", "clean", "threshold"}),
        ("src/ecom/evaluation/thresholds.py", JUDGING),
        ("src/ecom/reporting/card.py", {"model_card"}),
        ("src/ecom/reporting/model_card.md.j2", {"model_card"}),
        ("src/ecom/reporting/page.py", set()),
        ("stages/tune.py", {"tune"}),
        ("stages/_stage.py", EVERY_STAGE),
        ("stages/_figures.py", {"explain"}),
        ("src/ecom/reporting/figures.py", {"explain"}),
    ],
)
def test_the_stages_of_a_module_are_those_that_one_expects(file: str, stages: set[str]) -> None:
    assert IMPORTERS[file] - {"track"} == stages - {"track"}


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("data.retries", {"fetch"}),
        ("data.source", EVERY_STAGE - {"refit", "package", "track"}),
        ("split.seed", {"features", "model_card"}),
        ("features.set", {*FITTING, "evaluate"}),
        ("folds.seed", {*FITTING, "model_card"}),
        ("bootstrap.seed", JUDGING),
        ("tune.distributions.logistic.C.low", {"tune", "feature_sets"}),
        ("over_time.months_before", {"validate", "refit"}),
        ("learning_curve.seed", {"refit"}),
        ("threshold.costs.false_negative", {"threshold"}),
        ("cross_fit.repeats", {"cross_fit", "refit"}),
        ("review.decisive", set()),
    ],
)
def test_the_stages_of_a_parameter_are_those_that_one_expects(name: str, stages: set[str]) -> None:
    assert readers_of(name) == stages


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        (RAW, {"fetch", "validate", "clean", "track"}),
        ("data/processed/online_shoppers_clean.csv", {"clean", "features", "track"}),
        ("data/processed/session_keys.csv", {"clean", "cross_fit", "refit", "track"}),
        ("data/predictions/cross_fit.parquet", {"cross_fit", "evaluate", "track"}),
        ("data/predictions/over_time.parquet", {"refit", "evaluate", "track"}),
        ("data/features/train.parquet", {"features", *FITTING, *LATER, "track"}),
        ("data/features/test.parquet", {"features", "evaluate", "package", "track"}),
        ("models/best_model.joblib", {"tune", "cross_fit", "evaluate", *LATER, "track"}),
        ("models/package/model.onnx", {"package", "track"}),
        ("models/feature_sets.joblib", {"feature_sets", "evaluate", "track"}),
        ("data/predictions/best_model_out_of_fold.parquet", {"tune", "threshold", "track"}),
        ("metrics/cv.json", {"cv", "tune", "model_card", "track"}),
        (
            "metrics/tune.json",
            {"tune", "cross_fit", "refit", "explain", "model_card", "package", "track"},
        ),
        ("metrics/threshold.json", {"threshold", "evaluate", "model_card", "package", "track"}),
        ("plots/slices.csv", {"evaluate", "model_card", "track"}),
        ("docs/model_card.md", {"model_card", "package", "track"}),
    ],
)
def test_a_data_file_makes_its_maker_and_its_readers_stale(
    synthetic: Project, file: str, stages: set[str]
) -> None:
    with changed(synthetic, file) as path:
        path.write_bytes(path.read_bytes() + b"\n")

        assert stale(synthetic) == stages


def test_an_experiment_reruns_what_its_parameter_reaches_and_shows_in_the_metrics(
    unchanged: Project,
) -> None:
    done = unchanged.run("dvc", "exp", "run", "-S", "tune.n_iter=3", "-S", "tune.seed=7")

    assert rerun(done.stdout) == [
        "tune",
        "cross_fit",
        "feature_sets",
        "refit",
        "threshold",
        "evaluate",
        "explain",
        "model_card",
        "package",
        "track",
    ]
    changes = json.loads(unchanged.run("dvc", "metrics", "diff", "--json").stdout)
    assert set(changes) == {"metrics/summary.json"}
    assert "cv_pr_auc" in changes["metrics/summary.json"]


@pytest.mark.parametrize(
    ("settings", "stages"),
    [
        pytest.param(
            ["features.set=at_arrival"],
            [
                "baseline",
                "cv",
                "tune",
                "cross_fit",
                "feature_sets",
                "refit",
                "threshold",
                "evaluate",
                "explain",
                "model_card",
                "package",
                "track",
            ],
            marks=pytest.mark.prove,
        ),
        pytest.param(
            ["cv.rule=one_standard_error", "cv.candidates=[logistic,logistic_interactions]"],
            [
                "cv",
                "tune",
                "cross_fit",
                "feature_sets",
                "refit",
                "threshold",
                "evaluate",
                "explain",
                "model_card",
                "package",
                "track",
            ],
            marks=pytest.mark.prove,
        ),
        (["threshold.strategy=quota"], ["threshold", "evaluate", "model_card", "package", "track"]),
        # A value that the strategy does not read: the threshold stays, and so does what follows.
        (["threshold.quota=0.3"], ["threshold", "track"]),
        pytest.param(
            ["over_time.months_before=null"],
            ["validate", "refit", "evaluate", "model_card", "package", "track"],
            marks=pytest.mark.prove,
        ),
    ],
)
def test_each_parameter_reruns_exactly_what_it_reaches(
    unchanged: Project, settings: list[str], stages: list[str]
) -> None:
    done = unchanged.run(
        "dvc", "exp", "run", *(part for setting in settings for part in ("-S", setting))
    )

    assert rerun(done.stdout) == stages


@pytest.mark.prove
def test_a_parameter_set_back_is_served_from_the_cache(unchanged: Project) -> None:
    unchanged.run("dvc", "exp", "run", "-S", "tune.seed=8")
    back = unchanged.run("dvc", "exp", "run", "-S", "tune.seed=42").stdout

    assert back.count("is cached - skipping run") == 8
    assert unchanged.changed() == ""


def test_a_number_with_an_exponent_arrives_as_a_number(unchanged: Project) -> None:
    done = unchanged.run("dvc", "exp", "run", "-S", "baseline.C=1e-5", "baseline")

    assert rerun(done.stdout) == ["baseline"]


@pytest.mark.prove
def test_an_experiment_in_a_workspace_of_its_own_runs_the_code_of_that_workspace(
    unchanged: Project,
) -> None:
    with (unchanged.root / "src" / "ecom" / "models" / "search.py").open(
        "a", encoding="utf-8"
    ) as appended:
        appended.write('print("code of the workspace:", __file__)\n')

    done = unchanged.run("dvc", "exp", "run", "--temp", "-S", "tune.seed=9")

    assert rerun(done.stdout) == [
        "baseline",
        "cv",
        "tune",
        "cross_fit",
        "feature_sets",
        "refit",
        "threshold",
        "evaluate",
        "explain",
        "model_card",
        "package",
        "track",
    ]
    assert re.search(
        r"code of the workspace: \S+/\.dvc/tmp/exps/\S+/src/ecom/models/search\.py", done.stdout
    )
