"""What comes of two states side by side, from their files to the words of the comment."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from ecom.errors import ProjectError
from ecom.params import Bootstrap
from ecom.review.comparison import Comparison, compare_states
from ecom.review.verdicts import Rules
from ecom.review.wording import MARKER, to_markdown
from ecom.schema import TARGET
from ecom.states import State
from project import ROOT
from recorded import PREDICTIONS, sessions_and_scores, state

RULES = replace(
    Rules.from_params(YAML(typ="safe").load(ROOT / "params.yaml")),
    bootstrap=Bootstrap(resamples=200, seed=0),
)
SESSIONS, SCORES = sessions_and_scores()


def compared(base: State, head: State) -> Comparison:
    return compare_states(base, head, RULES)


def test_a_state_is_identical_to_itself_and_its_gate_is_open() -> None:
    comparison = compared(state("main", SESSIONS, SCORES), state("branch", SESSIONS, SCORES))

    assert comparison.identical
    assert comparison.verdict == "no different"
    assert not comparison.changes
    assert not comparison.stale
    assert comparison.exit_status == 0


def test_a_worse_model_closes_the_gate_and_a_better_one_opens_it() -> None:
    noise = np.random.default_rng(1).random(len(SCORES))
    good = state("good", SESSIONS, SCORES)
    bad = state("bad", SESSIONS, 0.1 * SCORES + 0.9 * noise)

    assert (compared(good, bad).verdict, compared(good, bad).exit_status) == ("worse", 1)
    assert (compared(bad, good).verdict, compared(bad, good).exit_status) == ("better", 0)


def test_the_order_of_the_rows_does_not_matter() -> None:
    order = np.random.default_rng(2).permutation(len(SCORES))
    shuffled = state("shuffled", SESSIONS.iloc[order], SCORES[order])

    assert compared(state("main", SESSIONS, SCORES), shuffled).identical


def test_other_test_rows_are_refused_and_both_sides_own_figures_told() -> None:
    comparison = compared(
        state("main", SESSIONS, SCORES), state("branch", SESSIONS.iloc[100:], SCORES[100:])
    )

    rows = len(SCORES)
    assert comparison.incomparable == (
        f"the test rows differ: {rows} in base, {rows - 100} in head, {rows - 100} of the same "
        "number in both"
    )
    assert comparison.verdict is None
    assert comparison.exit_status == 3
    assert comparison.figures[0].base_interval == (0.4, 0.6)
    assert "each side's own figures" in to_markdown(comparison)


def test_shuffled_labels_of_the_test_rows_are_refused() -> None:
    labels = np.random.default_rng(0).permutation(SESSIONS[TARGET])
    comparison = compared(
        state("main", SESSIONS, SCORES), state("branch", SESSIONS.assign(Revenue=labels), SCORES)
    )

    different = int((labels != SESSIONS[TARGET]).sum())
    assert comparison.incomparable == (
        f"{different} of {len(SCORES)} test rows have another label in base than in head"
    )
    assert comparison.exit_status == 3


def test_other_sessions_under_the_same_numbers_are_refused() -> None:
    other = SESSIONS.assign(PageValues=SESSIONS["PageValues"] + 1)

    comparison = compared(state("main", SESSIONS, SCORES), state("branch", other, SCORES))

    assert "hold another session" in str(comparison.incomparable)


def test_synthetic_sessions_are_not_compared_with_real_ones() -> None:
    metrics = json.loads(state("main", SESSIONS, SCORES).read("metrics/evaluate.json"))
    synthetic = state(
        "branch", SESSIONS, SCORES,
        files={"metrics/evaluate.json": json.dumps(metrics | {"data": "synthetic"})},
    )  # fmt: skip

    comparison = compared(state("main", SESSIONS, SCORES), synthetic)

    assert comparison.incomparable == "base is of real sessions, head of synthetic"


def test_cost_is_left_out_where_an_error_costs_otherwise_and_the_rest_compared() -> None:
    comparison = compared(
        state("main", SESSIONS, SCORES), state("branch", SESSIONS, SCORES * 0.99, costs=(1.0, 8.0))
    )

    assert "cost_per_1000_sessions" not in {of.metric for of in comparison.findings}
    assert len(comparison.findings) == 6
    assert "1 € and 5 € in base and 1 € and 8 € in head" in to_markdown(comparison)


def test_where_no_decisive_metric_can_be_compared_none_can_tell() -> None:
    rules = replace(RULES, review=RULES.review.model_copy(update={"decisive": ["cost_per_1000_sessions"]}))  # fmt: skip

    comparison = compare_states(
        state("main", SESSIONS, SCORES), state("branch", SESSIONS, SCORES, costs=(1.0, 8.0)), rules
    )

    assert comparison.verdict is None
    assert comparison.exit_status == 3
    assert "every decisive metric is defined differently" in to_markdown(comparison)
    assert "PR-AUC" in to_markdown(comparison)


def test_knobs_that_this_code_does_not_know_do_not_hinder() -> None:
    main = state("main", SESSIONS, SCORES)
    params = YAML(typ="safe").load(main.read("params.yaml"))
    params["threshold"]["margin"], params["evaluate"]["columns"] = 0.1, 3
    other = state("old", SESSIONS, SCORES, files={"params.yaml": json.dumps(params)})

    assert compared(other, main).verdict == "no different"
    assert compared(main, other).verdict == "no different"


def test_a_missing_value_is_the_same_session() -> None:
    gap = SESSIONS.assign(ExitRates=SESSIONS["ExitRates"].where(SESSIONS.index > SESSIONS.index[5]))

    comparison = compared(state("main", gap, SCORES), state("branch", gap, SCORES))

    assert comparison.identical


def test_another_seed_of_many_digits_is_told_in_full() -> None:
    main = state("main", SESSIONS, SCORES)
    text = main.read("params.yaml").decode()
    sides = [
        state(name, SESSIONS, SCORES, files={"params.yaml": text.replace('"seed": 42', f'"seed": {seed}')})
        for name, seed in (("a", 20240101), ("b", 20240102))
    ]  # fmt: skip

    assert "`split.seed` 20240101 → 20240102" in to_markdown(compared(*sides))


def test_the_stage_that_records_is_no_change_of_results() -> None:
    main = state("main", SESSIONS, SCORES)
    lock = json.loads(main.read("dvc.lock"))
    lock["stages"]["track"] = {"cmd": "x", "outs": [{"path": "metrics/track.json", "md5": "1"}]}

    recorded = state("branch", SESSIONS, SCORES, files={"dvc.lock": json.dumps(lock)})

    assert not compared(main, recorded).changes


def test_without_the_sessions_slices_and_crossings_are_left_out() -> None:
    comparison = compared(
        state("main", SESSIONS, SCORES),
        state("branch", SESSIONS, SCORES * 0.9, keeps_sessions=False),
    )

    assert comparison.verdict == "no different"
    assert comparison.slices == []
    assert comparison.crossings is None


def test_sessions_that_changed_sides_are_told_with_what_they_look_like() -> None:
    new = (SESSIONS["VisitorType"] == "New_Visitor").to_numpy() & (SCORES < 0.5)
    head = np.where(new, 0.6, SCORES)

    comparison = compared(state("main", SESSIONS, SCORES), state("branch", SESSIONS, head))

    assert comparison.crossings is not None
    group = comparison.crossings.newly_flagged
    assert group.sessions == new.sum()
    assert group.purchases == SESSIONS[TARGET][new].sum()
    assert group.traits[0].column == "VisitorType: New_Visitor"
    assert group.traits[0].group == 1
    assert group.rows == SESSIONS.index[new].tolist()
    assert comparison.crossings.no_longer_flagged.sessions == 0
    assert "newly flagged" in to_markdown(comparison)


@pytest.mark.parametrize(
    "broken", ["src/ecom/models.py", "requirements.txt", PREDICTIONS, "params.yaml"]
)
def test_results_that_are_not_of_the_files_beside_them_are_stale(broken: str) -> None:
    locked = state("main", SESSIONS, SCORES)
    content = {
        "params.yaml": locked.read("params.yaml").decode().replace('"bins": 10', '"bins": 12'),
        PREDICTIONS: "",
    }.get(broken, "changed==1\n")
    files = {"dvc.lock": locked.read("dvc.lock").decode(), broken: content}

    assert locked.stale() == []
    assert state("main", SESSIONS, SCORES, files=files).stale() == ["evaluate"]


def test_a_stale_side_closes_the_gate_whatever_the_verdict() -> None:
    main = state("main", SESSIONS, SCORES)
    files = {"dvc.lock": main.read("dvc.lock").decode(), "src/ecom/models.py": "two = 2\n"}

    comparison = compared(main, state("branch", SESSIONS, SCORES, files=files))

    assert comparison.stale == {"branch": ["evaluate"]}
    assert comparison.exit_status == 3
    assert "run `dvc repro`" in to_markdown(comparison)


def test_what_changed_is_told_by_kind() -> None:
    main = state("main", SESSIONS, SCORES)
    params = YAML(typ="safe").load(main.read("params.yaml"))
    params["evaluate"]["bins"], params["split"]["seed"] = 12, 43
    branch = state(
        "branch", SESSIONS, SCORES,
        files={
            "params.yaml": json.dumps(params), "requirements.txt": "numpy==2.1\nscipy==1\n",
            "src/ecom/models.py": "two = 2\n",
        },
    )  # fmt: skip

    changes = compared(main, branch).changes

    assert changes.params == {"split.seed": (42, 43), "evaluate.bins": (10, 12)}
    assert changes.packages == {"numpy": ("2.0", "2.1"), "scipy": (None, "1")}
    assert list(changes.code) == ["src/ecom/models.py"]
    assert changes.reran == {
        "features": ["split.seed"],
        "evaluate": ["evaluate.bins", "requirements.txt", "src/ecom/models.py"],
    }
    assert changes.results == {}
    text = to_markdown(compared(main, branch))
    assert "`split.seed` 42 → 43, `evaluate.bins` 10 → 12" in text
    assert "packages: `numpy` 2.0 → 2.1, `scipy` none → 1" in text
    assert "byte for byte" in text


def test_a_comparison_is_plain_json() -> None:
    comparison = compared(
        state("main", SESSIONS, SCORES), state("branch", SESSIONS, SCORES * 0.9, threshold=0.45)
    )

    text = json.dumps(comparison.to_json(), allow_nan=False)

    assert json.loads(text)["findings"][0]["metric"] == "pr_auc"
    assert json.loads(text)["exit_status"] == 0


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        (PREDICTIONS, "", "data/predictions/test.parquet of branch cannot be read"),
        ("metrics/threshold.json", "{", "metrics/threshold.json of branch cannot be read"),
        ("metrics/threshold.json", "{}", "metrics/threshold.json of branch has no"),
        ("metrics/evaluate.json", "{}", "metrics/evaluate.json of branch has no 'data'"),
        ("dvc.lock", "{", "dvc.lock of branch is not valid YAML"),
        ("params.yaml", "a: [", "params.yaml of branch is not valid YAML"),
    ],
)
def test_a_damaged_side_is_told_by_its_file(path: str, content: str, told: str) -> None:
    main = state("main", SESSIONS, SCORES)
    files = {"dvc.lock": main.read("dvc.lock").decode()} | {path: content}

    with pytest.raises(ProjectError, match=told):
        compared(main, damaged(files))


def damaged(files: dict[str, str]) -> State:
    """Return a state some of whose files are replaced after all was recorded."""
    whole = state("branch", SESSIONS, SCORES)
    for path, content in files.items():
        whole._files.pipe_file(path, content.encode())
    return whole


def test_the_comment_begins_with_the_mark_that_finds_it_again() -> None:
    main = state("main", SESSIONS, SCORES)

    assert to_markdown(compared(main, main)).startswith(MARKER + "\n\n## ⚪ No different")


def test_knobs_that_are_lists_and_long_lists_stay_readable() -> None:
    main = state("main", SESSIONS, SCORES)
    params = YAML(typ="safe").load(main.read("params.yaml"))
    params["cv"]["candidates"] = ["logistic"]
    params |= {f"knob{number}": number for number in range(20)}

    text = to_markdown(compared(main, state("b", SESSIONS, SCORES, files={"params.yaml": json.dumps(params)})))  # fmt: skip

    assert "`cv.candidates` logistic, logistic_interactions" in text
    assert "and 9 more" in text


def test_a_group_of_sessions_is_described_by_columns_that_vary() -> None:
    constant = SESSIONS.assign(Informational=0)
    assert isinstance(constant, pd.DataFrame)

    comparison = compared(
        state("main", constant, SCORES), state("branch", constant, SCORES, threshold=0.6)
    )

    assert comparison.crossings is not None
    columns = {trait.column for trait in comparison.crossings.no_longer_flagged.traits}
    assert columns
    assert "Informational" not in columns
