"""The module of the wheel: test_wheel.py runs it where it belongs; here, its own checks."""

import json
from pathlib import Path

import pytest

from ecom.serving import standalone


@pytest.fixture
def at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the module find a package."""
    monkeypatch.setattr(standalone, "FOLDER", folder)
    for cached in (standalone.manifest, standalone.scorer):
        cached.cache_clear()
    return folder


def test_it_answers_as_the_golden_sessions_say(at_home: Path) -> None:
    golden = json.loads((at_home / "golden.json").read_text(encoding="utf-8"))
    sessions = {name: [case["session"][name] for case in golden] for name in golden[0]["session"]}

    found = standalone.predict(sessions)

    assert found.flagged.tolist() == [case["flagged"] for case in golden]
    assert standalone.explain(sessions).contributions.shape == (len(golden), 17)
    assert standalone.manifest()["threshold"] == 0.15


def test_a_graph_that_was_changed_is_refused(at_home: Path) -> None:
    (at_home / "model.onnx").write_bytes(b"other")

    with pytest.raises(ValueError, match=r"model\.onnx was changed after it was packaged"):
        standalone.predict({})
