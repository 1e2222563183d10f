"""What differs between two states is told by kind, file by file and value by value."""

import json

from ecom.review.changes import changes_between
from ecom.review.wording import to_markdown
from recorded import CODE, SCORES, SESSIONS, compared, state


def test_the_stage_that_records_is_no_change_of_results() -> None:
    main = state("main", SESSIONS, SCORES)
    lock = json.loads(main.read("dvc.lock"))
    lock["stages"]["track"] = {"cmd": "x", "outs": [{"path": "metrics/track.json", "md5": "1"}]}

    recorded = state("branch", SESSIONS, SCORES, files={"dvc.lock": json.dumps(lock)})

    assert not compared(main, recorded).changes


def test_what_changed_is_told_by_kind() -> None:
    main = state("main", SESSIONS, SCORES)
    params = json.loads(main.read("params.yaml"))
    params["evaluate"]["bins"], params["split"]["seed"] = 12, 43
    branch = state(
        "branch",
        SESSIONS,
        SCORES,
        files={
            "params.yaml": json.dumps(params),
            "requirements.txt": "numpy==2.1\nscipy==1\n",
            CODE: "two = 2\n",
        },
    )

    changes = compared(main, branch).changes

    assert changes.params == {"split.seed": (42, 43), "evaluate.bins": (10, 12)}
    assert changes.packages == {"numpy": ("2.0", "2.1"), "scipy": (None, "1")}
    assert list(changes.code) == [CODE]
    assert changes.reran == {
        "features": ["split.seed"],
        "evaluate": ["evaluate.bins", "requirements.txt", CODE],
    }
    assert changes.results == {}
    text = to_markdown(compared(main, branch))
    assert "`split.seed` 42 → 43, `evaluate.bins` 10 → 12" in text
    assert "packages: `numpy` 2.0 → 2.1, `scipy` none → 1" in text
    assert "byte for byte" in text


def test_a_state_does_not_differ_from_itself() -> None:
    main = state("main", SESSIONS, SCORES)

    assert not changes_between(main, main)


def test_a_stage_that_only_one_side_has_differs_in_all_its_inputs() -> None:
    main = state("main", SESSIONS, SCORES)
    lock = json.loads(main.read("dvc.lock"))
    del lock["stages"]["features"]
    fewer = state("old", SESSIONS, SCORES, files={"dvc.lock": json.dumps(lock)})

    changes = changes_between(fewer, main)

    assert changes.reran == {"features": ["command", "split.seed"]}
    assert changes.results == {
        "features": ["data/features/test.parquet", "data/features/train.parquet"]
    }
