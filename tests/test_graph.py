"""dvc.yaml tells the whole truth: a stage's deps and params are exactly what its code reaches."""

import ast
from typing import Any

import pytest
from ruamel.yaml import YAML

from code_of import code_that_runs_in, script, sections_read_by
from ecom.params import SECTIONS
from project import ROOT

PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")
STAGES: dict[str, Any] = PIPELINE["stages"]
PLOTS: list[Any] = PIPELINE["plots"]

CARD = ("validate", "clean", "features", "cv", "tune", "threshold", "evaluate", "explain")


def strings_given_to(stage: str, *methods: str) -> set[str]:
    """Return the paths that a stage's script gives to methods of Stage; f-strings unfolded."""
    constants = {
        node.targets[0].id: node.value.value
        for node in ast.walk(script(stage))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    found = set()
    for node in ast.walk(script(stage)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in methods
        ):
            argument = node.args[0]
            match argument:
                case ast.Constant(value=str(path)):
                    found.add(path)
                case ast.Name(id=name):
                    found.add(str(constants[name]))
                case ast.JoinedStr():
                    found |= unfolded(argument)
    return found


def unfolded(argument: ast.JoinedStr) -> set[str]:
    """Return what f-strings become: one path for each value of the loops around them."""
    template = ast.unparse(argument)[2:-1]
    names = {
        "name": CARD if template.startswith("metrics/") else ("baseline", "best_model"),
        "plot": ("confusion", "cost", "precision_recall", "reliability", "roc", "scores"),
    }
    paths = {template}
    for name, values in names.items():
        paths = {path.replace(f"{{{name}}}", value) for path in paths for value in values}
    return paths


def declared_outs(stage: str) -> set[str]:
    return {
        path
        for kind in ("outs", "metrics")
        for out in STAGES[stage].get(kind, [])
        for path in (out if isinstance(out, dict) else [out])
    }


def recorded() -> set[str]:
    """Return what track records, or hashes to tell that it is of the code and knobs beside it."""
    return {out for stage in STAGES if stage != "track" for out in declared_outs(stage)}


def test_every_script_is_a_stage_and_every_stage_a_script() -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}

    assert scripts == set(STAGES)
    for name, stage in STAGES.items():
        assert stage["cmd"] == f"python stages/{name}.py"
        assert stage["desc"]


@pytest.mark.parametrize("stage", STAGES)
def test_a_script_imports_its_surroundings_before_anything_else(stage: str) -> None:
    imports = [node for node in script(stage).body if isinstance(node, ast.Import | ast.ImportFrom)]

    assert isinstance(imports[0], ast.ImportFrom)
    assert imports[0].module == "_stage"


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_imported_modules_the_data_and_the_environment(stage: str) -> None:
    data = strings_given_to(
        stage, "dep", "read_metrics", "read_sessions", "read_features", "read_model"
    )
    code = code_that_runs_in(stage)
    if stage == "track":  # other code is another state, though it come to the same
        data, code = recorded(), set().union(*map(code_that_runs_in, STAGES))

    assert set(STAGES[stage]["deps"]) == code | data | {"requirements.txt"}
    assert len(STAGES[stage]["deps"]) == len(set(STAGES[stage]["deps"]))


@pytest.mark.parametrize("stage", STAGES)
def test_outs_are_the_files_that_the_stage_writes(stage: str) -> None:
    written = strings_given_to(
        stage,
        "out", "write_figure", "write_metrics", "write_model", "write_predictions", "write_table", "write_text",
    )  # fmt: skip

    assert declared_outs(stage) == written


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_the_sections_that_the_stage_reads(stage: str) -> None:
    read = sections_read_by(stage)
    if stage == "track":
        read = {section.name for section in SECTIONS} - {"review"}

    assert set(STAGES[stage].get("params", [])) == read


def test_every_knob_is_declared_by_a_stage() -> None:
    declared = {section for stage in STAGES.values() for section in stage.get("params", [])}

    assert {section.name for section in SECTIONS} - declared == {
        "review"
    }  # of commands, not of a stage


def test_only_evaluate_reads_the_test_rows() -> None:
    readers = {
        name for name, stage in STAGES.items() if "data/features/test.parquet" in stage["deps"]
    }

    assert readers - {"track"} == {"evaluate"}  # track takes the hash of every output


def test_git_keeps_what_people_read_and_dvc_all_else() -> None:
    for stage in STAGES.values():
        for kind in ("outs", "metrics"):
            for out in stage.get(kind, []):
                path, options = next(iter(out.items())) if isinstance(out, dict) else (out, {})
                in_git = path.startswith(("docs/", "metrics/"))
                assert options.get("cache", True) is not in_git


def test_every_curve_and_picture_is_drawn() -> None:
    drawn = {
        path
        for plot in PLOTS
        for path in (
            [plot] if isinstance(plot, str) else [y for of in plot.values() for y in of["y"]]
        )
    }
    written = {out for stage in STAGES for out in declared_outs(stage) if out.startswith("plots/")}

    # What the pictures show, as tables for whoever wants to draw it otherwise.
    tables = {"plots/explain/dependence.csv", "plots/explain/sessions.csv"}
    assert drawn | tables == written


def test_every_template_that_is_named_is_drawn_by() -> None:
    named = {of["template"] for plot in PLOTS if isinstance(plot, dict) for of in plot.values()}
    own = {path.stem for path in (ROOT / ".dvc" / "plots").glob("*.json")}

    assert own <= named
