"""Figures are written as SVG that names neither the time nor the user's settings."""

import _stage
from _figures import write_figure

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure


def figure() -> Figure:
    drawn = Figure(figsize=(1, 1))
    drawn.subplots().plot([0, 1], [0, 1], marker="o")
    return drawn


def test_the_bytes_depend_on_nothing_but_the_figure(
    stage: _stage.Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "previous_out", lambda path: stage.root / path)

    write_figure(stage, "one.svg", figure())
    with rc_context({"svg.fonttype": "none", "savefig.dpi": 10}):
        write_figure(stage, "other.svg", figure())

    one, other = ((stage.root / name).read_bytes() for name in ("one.svg", "other.svg"))
    assert one == other
    assert b"<svg" in one
    assert b"<dc:date>" not in one
