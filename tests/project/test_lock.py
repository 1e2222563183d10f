"""dvc.lock as its text records it: whole stages, or a clear refusal."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.project.lock import Lock
from project import ROOT

TEXT = (ROOT / "dvc.lock").read_text(encoding="utf-8")
LOCK = Lock.parse(TEXT)
FILE = {"path": "a.csv", "hash": "md5", "md5": "0" * 32, "size": 1}
STAGE: dict[str, Any] = {
    "cmd": "python stages/clean.py",
    "deps": [FILE | {"path": "src/ecom/x.py"}, FILE | {"path": "data/in.csv", "md5": "2" * 32}],
    "params": {"params.yaml": {"clean": {"drop_duplicates": True}, "data.source": "real"}},
    "outs": [FILE | {"path": "data/out.csv", "md5": "1" * 32}],
}


def test_a_stage_tells_its_inputs_settings_and_outputs() -> None:
    stage = Lock.from_stages({"clean": STAGE}).stages["clean"]

    assert stage.settings == {"clean.drop_duplicates": True, "data.source": "real"}
    assert stage.outs == {"data/out.csv": "1" * 32}
    assert stage.inputs == {
        "command": "python stages/clean.py",
        "src/ecom/x.py": "0" * 32,
        "data/in.csv": "2" * 32,
        "clean": {"drop_duplicates": True},
        "data.source": "real",
    }


def test_code_is_what_no_stage_makes_without_the_pinned_environment() -> None:
    assert {path.split("/")[0] for path in LOCK.code} == {"src", "stages"}
    assert "stages/track.py" not in LOCK.code
    assert LOCK.raw_data == LOCK.outs["data/raw/online_shoppers_intention.csv"]


def test_the_stage_that_records_is_no_part_of_the_state() -> None:
    stages = {"clean": STAGE}
    recorded = {**stages, "track": {"cmd": "x", "outs": [FILE]}}

    assert Lock.from_stages(recorded).key == Lock.from_stages(stages).key
    assert Lock.from_stages({"clean": STAGE | {"cmd": "y"}}).key != Lock.from_stages(stages).key
    assert "track" not in Lock.from_stages(recorded).results


def test_the_key_is_that_of_the_committed_record() -> None:
    recorded = json.loads((ROOT / "metrics" / "track.json").read_text(encoding="utf-8"))

    assert recorded == {"state": LOCK.key}


def test_a_hash_or_its_first_digits_is_found() -> None:
    lock = Lock.from_stages({"clean": STAGE})

    assert lock.mentions("1111111")
    assert lock.mentions(lock.key[:10])
    assert not lock.mentions("1234567")


@given(end=st.integers(0, len(TEXT) - 1))
def test_a_text_that_was_cut_anywhere_gives_whole_stages_or_is_refused(end: int) -> None:
    try:
        lock = Lock.parse(TEXT[:end])
    except ValueError:
        return

    *whole, _ = lock.stages
    assert all(lock.stages[name] == LOCK.stages[name] for name in whole)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no stages"),
        ("schema: '2.0'", "names no stages"),
        ("stages: {}", "names no stages"),
        ("stages: {clean: }", "not a stage"),
        ("stages: {clean: {deps: []}}", "not a stage"),
        ("stages: {clean: {cmd: x, outs: [{path: a, md5: 12}]}}", "an MD5 is not text"),
        ("stages: {clean: {cmd: x, outs: [{path: a, m}]}}", "not a stage|not valid"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_text_that_is_no_lock_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Lock.parse(text)
