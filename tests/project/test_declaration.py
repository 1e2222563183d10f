"""Stages as dvc.yaml declares them, with or without options for their outputs."""

import pytest

from ecom.project.declaration import declared_stages

STAGE = {
    "cmd": "python stages/clean.py",
    "desc": "Clean",
    "deps": ["a.csv"],
    "params": ["clean"],
    "outs": ["b.csv", {"c.csv": {"persist": True}}],
    "metrics": [{"metrics/clean.json": {"cache": False}}],
}


def test_outputs_and_metrics_are_told_with_their_options() -> None:
    stage = declared_stages({"stages": {"clean": STAGE}})["clean"]

    assert (stage.command, stage.description) == ("python stages/clean.py", "Clean")
    assert (stage.deps, stage.params) == (("a.csv",), ("clean",))
    assert stage.outs == {
        "b.csv": {},
        "c.csv": {"persist": True},
        "metrics/clean.json": {"cache": False},
    }


def test_what_is_not_declared_is_empty() -> None:
    stage = declared_stages({"stages": {"fetch": {"cmd": "x"}}})["fetch"]

    assert (stage.deps, stage.params, stage.outs) == ((), (), {})


@pytest.mark.parametrize("content", [None, [], {}, {"stages": []}])
def test_a_file_without_stages_is_refused(content: object) -> None:
    with pytest.raises(ValueError, match="names no stages"):
        declared_stages(content)
