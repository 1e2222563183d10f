"""dvc.yaml tells the whole truth: a stage's deps and params are exactly what its code reaches."""

import ast
from typing import Any

import pytest

from ecom.project.deps import code_deps
from ecom.project.formats import parse_yaml
from ecom.project.params_file import SECTIONS
from project import ROOT
from scripts import DECLARED, STAGES, calls, script, sections_read_by

CONTENT = parse_yaml((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
PLOTS: list[Any] = CONTENT["plots"]
CODE = code_deps(ROOT, list(STAGES))

READERS = (
    "dep",
    "read_metrics",
    "read_table",
    "read_chunks",
    "read_features",
    "read_scored",
    "read_model",
)
WRITERS = (
    "out",
    "write_figure",
    "write_metrics",
    "write_model",
    "write_plot",
    "write_predictions",
    "write_summary",
    "write_table",
    "write_text",
    "writer",
)
NAMES = {  # in f-strings, by what they start with
    "metrics/": (
        *("validate", "clean", "features", "cv", "tune", "cross_fit", "feature_sets"),
        *("threshold", "evaluate", "explain"),
    ),
    "models/package/": (
        *("explain.onnx", "golden.json", "manifest.json", "model.onnx", "model_card.md"),
        *("profile.json", "thresholds.csv", "trained_on.bin"),
    ),
}
MODELS = ("baseline", "best_model")


def paths_given_to(stage: str, *names: str) -> set[str]:
    """Return the paths that a stage's script gives to functions; f-strings are unfolded."""
    constants = {
        node.targets[0].id: node.value.value
        for node in ast.walk(script(stage))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    found = set()
    for call in calls(stage, *names):
        path = next(argument for argument in call.args if ast.unparse(argument) != "stage")
        match path:
            case ast.Constant(value=str(text)):
                found.add(text)
            case ast.Name(id=name) if name in constants:
                found.add(str(constants[name]))
            case ast.JoinedStr():
                found |= unfolded(path)
    return found


def unfolded(path: ast.JoinedStr) -> set[str]:
    """Return what an f-string becomes: one path for each value of the loops around it."""
    template = ast.unparse(path)[2:-1]
    names = {
        "name": next(
            (values for start, values in NAMES.items() if template.startswith(start)), MODELS
        ),
        "plot": ("confusion", "cost", "precision_recall", "reliability", "roc", "scores"),
    }
    paths = {template}
    for name, values in names.items():
        paths = {path.replace(f"{{{name}}}", value) for path in paths for value in values}
    return paths


def test_every_script_is_a_stage_and_every_stage_a_script() -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}

    assert scripts == set(STAGES)
    for name, stage in DECLARED.items():
        assert stage.command == f"python stages/{name}.py"
        assert stage.description


@pytest.mark.parametrize("stage", STAGES)
def test_a_script_imports_the_stage_modules_first(stage: str) -> None:
    imports = [node for node in script(stage).body if isinstance(node, ast.Import | ast.ImportFrom)]

    ours = {"_stage", "_figures", "_metrics", "_models", "_tables"}
    modules = [
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports
    ]
    assert modules[:2] == ["sys", "pathlib"]  # for the path that leads to the others
    assert modules[2] in ours


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_imported_modules_the_data_and_the_environment(stage: str) -> None:
    data = paths_given_to(stage, *READERS)
    if stage == "track":  # it records all results, and tells whether they belong to the code
        data = {out for name, other in DECLARED.items() if name != stage for out in other.outs}

    assert set(DECLARED[stage].deps) == CODE[stage] | data, "run `make deps`"
    assert len(DECLARED[stage].deps) == len(set(DECLARED[stage].deps))


@pytest.mark.parametrize("stage", STAGES)
def test_outs_are_the_files_that_the_stage_writes(stage: str) -> None:
    assert set(DECLARED[stage].outs) == paths_given_to(stage, *WRITERS)


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_the_sections_that_the_stage_reads(stage: str) -> None:
    read = sections_read_by(stage)
    if stage == "track":  # other params are another state
        read = set(SECTIONS) - {"review"}

    assert set(DECLARED[stage].params) == read


def test_every_section_but_that_of_the_review_is_declared_by_a_stage() -> None:
    declared = {section for stage in DECLARED.values() for section in stage.params}

    assert set(SECTIONS) - declared == {"review"}


def test_no_stage_before_evaluate_reads_the_test_rows() -> None:
    readers = {
        name for name, stage in DECLARED.items() if "data/features/test.parquet" in stage.deps
    }

    # package compares the graph with the model on them; track takes the hash of every output.
    assert readers == {"evaluate", "package", "track"}


@pytest.mark.parametrize("stage", ["baseline", "cv", "tune", "cross_fit", "feature_sets", "refit"])
def test_what_fits_models_depends_neither_on_figures_nor_on_words_nor_on_other_sections(
    stage: str,
) -> None:
    code = CODE[stage]

    assert not any("/reporting/" in path for path in code)
    assert "stages/_figures.py" not in code
    assert "src/ecom/evaluation/metrics.py" not in code  # names of metrics
    assert "src/ecom/project/params_file.py" not in code
    sections = {f"src/ecom/params/{name}.py" for name in SECTIONS}
    declared = {f"src/ecom/params/{name}.py" for name in DECLARED[stage].params}
    assert code & sections <= declared


def test_the_lock_lists_the_stages_as_dvc_runs_them() -> None:
    """DVC appends what a kill cut off; in another order, git would show that as a change."""
    lock = parse_yaml((ROOT / "dvc.lock").read_text(encoding="utf-8"))

    assert list(lock["stages"]) == list(STAGES)


def test_metrics_plots_and_the_card_are_in_git_and_other_outs_in_dvc() -> None:
    for stage in DECLARED.values():
        for path, options in stage.outs.items():
            in_git = path.startswith(("docs/", "metrics/"))
            assert options.get("cache", True) is not in_git


def test_every_curve_and_picture_is_drawn() -> None:
    drawn = {
        path
        for plot in PLOTS
        for path in (
            [plot] if isinstance(plot, str) else [y for p in plot.values() for y in p["y"]]
        )
    }
    written = {out for stage in DECLARED.values() for out in stage.outs if out.startswith("plots/")}

    # The tables behind the pictures, for whoever wants to draw them in another way.
    tables = {"plots/explain/dependence.csv", "plots/explain/sessions.csv"}
    assert drawn | tables == written


def test_every_template_of_our_own_is_used() -> None:
    named = {p["template"] for plot in PLOTS if isinstance(plot, dict) for p in plot.values()}
    own = {path.stem for path in (ROOT / ".dvc" / "plots").glob("*.json")}

    assert own <= named


def test_artifacts_are_outputs_of_the_pipeline() -> None:
    outs = {out for stage in DECLARED.values() for out in stage.outs}

    assert CONTENT["artifacts"]
    for artifact in CONTENT["artifacts"].values():
        assert artifact["path"] in outs
        assert artifact["desc"]
