"""What comes of two states side by side, from their files to the words of the comment."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ecom.errors import ProjectError
from ecom.project.files import PREDICTIONS
from ecom.project.states import State
from ecom.review.outcome import compare_states
from ecom.review.wording import to_markdown
from ecom.schema import TARGET
from recorded import CODE, RULES, SCORES, SESSIONS, compared, state


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
        f"the test rows differ: {rows} in base, {rows - 100} in head, {rows - 100} with the "
        "same number in both"
    )
    assert comparison.verdict is None
    assert comparison.exit_status == 3
    assert comparison.figures[0].base_interval == (0.4, 0.6)
    assert "the figures of each side" in to_markdown(comparison)


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
    metrics = dict(state("main", SESSIONS, SCORES).metrics["evaluate"])
    synthetic = state(
        "branch",
        SESSIONS,
        SCORES,
        files={"metrics/evaluate.json": json.dumps(metrics | {"data": "synthetic"})},
    )

    comparison = compared(state("main", SESSIONS, SCORES), synthetic)

    assert comparison.incomparable == "base has real sessions, head has synthetic ones"


def test_cost_is_left_out_where_an_error_costs_otherwise_and_the_rest_compared() -> None:
    comparison = compared(
        state("main", SESSIONS, SCORES), state("branch", SESSIONS, SCORES * 0.99, costs=(1.0, 8.0))
    )

    assert "cost_per_1000_sessions" not in {finding.metric for finding in comparison.findings}
    assert len(comparison.findings) == 6
    assert "1 € and 5 € in base and 1 € and 8 € in head" in to_markdown(comparison)


def test_the_verdict_is_undecidable_if_no_decisive_metric_can_be_compared() -> None:
    rules = replace(
        RULES, review=RULES.review.model_copy(update={"decisive": ["cost_per_1000_sessions"]})
    )

    comparison = compare_states(
        state("main", SESSIONS, SCORES), state("branch", SESSIONS, SCORES, costs=(1.0, 8.0)), rules
    )

    assert comparison.verdict is None
    assert comparison.exit_status == 3
    assert "every decisive metric is defined differently" in to_markdown(comparison)
    assert "decide the verdict" not in to_markdown(comparison)
    assert "PR-AUC" in to_markdown(comparison)


def test_unknown_params_do_not_prevent_a_comparison() -> None:
    main = state("main", SESSIONS, SCORES)
    params = json.loads(main.read("params.yaml"))
    params["threshold"]["margin"], params["evaluate"]["columns"] = 0.1, 3
    other = state("old", SESSIONS, SCORES, files={"params.yaml": json.dumps(params)})

    assert compared(other, main).verdict == "no different"
    assert compared(main, other).verdict == "no different"


def test_a_missing_value_is_the_same_session() -> None:
    gap = SESSIONS.assign(ExitRates=SESSIONS["ExitRates"].where(SESSIONS.index > SESSIONS.index[5]))

    comparison = compared(state("main", gap, SCORES), state("branch", gap, SCORES))

    assert comparison.identical


def test_without_the_sessions_slices_and_crossings_are_left_out() -> None:
    comparison = compared(
        state("main", SESSIONS, SCORES),
        state("branch", SESSIONS, SCORES * 0.9, keeps_sessions=False),
    )

    assert comparison.verdict == "no different"
    assert comparison.slices == []
    assert comparison.crossings is None


def test_a_stale_side_closes_the_gate_whatever_the_verdict() -> None:
    main = state("main", SESSIONS, SCORES)
    files = {
        "dvc.lock": main.read("dvc.lock").decode(),
        CODE: "two = 2\n",
    }

    comparison = compared(main, state("branch", SESSIONS, SCORES, files=files))

    assert comparison.stale == {"branch": ["evaluate"]}
    assert comparison.exit_status == 3
    assert "run `dvc repro`" in to_markdown(comparison)


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
        ("dvc.lock", "{", "dvc.lock of branch is damaged .*not valid YAML"),
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
