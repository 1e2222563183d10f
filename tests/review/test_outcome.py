"""What comes of two states side by side, from their files to the words of the comment."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ecom.errors import ProjectError
from ecom.params.review import Decisive, Review
from ecom.project.files import CROSS_FIT, PREDICTIONS, TEST, TRAIN
from ecom.project.states import State
from ecom.review.outcome import compare_states
from ecom.review.wording import to_markdown
from ecom.schema import TARGET
from params import with_values
from recorded import (
    CODE,
    RULES,
    SCORES,
    SESSIONS,
    compared,
    cross_fitted,
    state,
    to_parquet,
)


def test_a_state_is_identical_to_itself_and_its_gate_is_open() -> None:
    comparison = compared(state("main", SESSIONS, SCORES), state("branch", SESSIONS, SCORES))

    assert comparison.identical
    assert comparison.verdict == "no worse"
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


def test_sessions_that_both_sides_have_are_judged_whatever_their_row_numbers() -> None:
    fewer = SESSIONS.iloc[100:].reset_index(drop=True)  # as another cleaning would number them

    comparison = compared(state("main", SESSIONS, SCORES), state("branch", fewer, SCORES[100:]))

    rows = len(SCORES)
    assert comparison.incomparable is None
    assert comparison.sessions == rows - 100
    assert comparison.training_rows == (rows, rows - 100)
    assert comparison.verdict == "no worse"
    assert str(comparison.unconfirmed).startswith(f"the test rows differ: {rows} in base, ")
    text = to_markdown(comparison)
    assert f"on the {rows - 100:,} real training sessions that both have of {rows:,} and" in text


def test_too_few_shared_sessions_cannot_tell_and_both_sides_own_figures_are_told() -> None:
    half = len(SCORES) // 2
    comparison = compared(
        state("main", SESSIONS.iloc[:half], SCORES[:half]),
        state("branch", SESSIONS.iloc[half:], SCORES[half:]),
    )

    assert str(comparison.incomparable).startswith("base and head share ")
    assert comparison.verdict == "cannot tell"
    assert comparison.exit_status == 3
    assert comparison.figures[0].base_interval == (0.4, 0.6)
    assert "the figures of each side" in to_markdown(comparison)


def test_where_labels_of_shared_sessions_differ_figures_under_either_are_told() -> None:
    labels = np.random.default_rng(0).permutation(SESSIONS[TARGET])
    comparison = compared(
        state("main", SESSIONS, SCORES), state("branch", SESSIONS.assign(Revenue=labels), SCORES)
    )

    different = int((labels != SESSIONS[TARGET]).sum())
    assert comparison.incomparable == (
        f"{different} of {len(SCORES)} shared sessions have another label in base than in head"
    )
    assert comparison.verdict == "cannot tell"
    assert comparison.exit_status == 3
    under = {side: found[0].base for side, found in comparison.by_labels.items()}
    assert under["base"] > under["head"]
    assert "**Under the labels of head:**" in to_markdown(comparison)


def test_the_test_rows_confirm_only_the_same_sessions() -> None:
    other = SESSIONS.assign(PageValues=SESSIONS["PageValues"] + 1)

    comparison = compared(state("main", SESSIONS, SCORES), state("branch", other, SCORES))

    assert "hold another session" in str(comparison.unconfirmed)
    assert "hold another session" in to_markdown(comparison)


def test_a_state_of_older_code_cannot_be_told_apart() -> None:
    old = state("main", SESSIONS, SCORES, keeps_cross_fit=False)

    comparison = compared(old, state("branch", SESSIONS, SCORES))

    assert comparison.verdict == "cannot tell"
    assert comparison.exit_status == 3
    assert str(comparison.incomparable).startswith("base has no data/predictions/cross_fit.parquet")
    assert comparison.confirmation


def test_another_strategy_lets_the_cost_at_its_threshold_decide() -> None:
    main = state("main", SESSIONS, SCORES)
    params = json.loads(main.read("params.yaml"))
    params["threshold"] |= {"strategy": "fixed", "fixed": 0.95}
    files = {"params.yaml": json.dumps(params)}

    comparison = compared(main, state("branch", SESSIONS, SCORES, threshold=0.95, files=files))

    found = {finding.metric: finding.verdict for finding in comparison.findings}
    assert found["cost_per_1000_sessions"] == "worse"
    assert found["pr_auc"] == "no worse"
    assert comparison.verdict == "worse"
    assert "Its strategy changed: break_even → fixed 0.95." in to_markdown(comparison)


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

    judged = {finding.metric for finding in comparison.findings}
    assert set(RULES.review.metrics) - judged == {"cost_per_1000_sessions"}
    cost = next(each for each in comparison.findings if each.metric == "cost_at_break_even")
    assert cost.verdict is not None  # by the costs of the branch: a price hides no loss
    assert "1 € and 5 € in base and 1 € and 8 € in head" in to_markdown(comparison)


def test_the_verdict_is_undecidable_if_no_decisive_metric_can_be_compared() -> None:
    error = {"expected_calibration_error": Decisive(smallest_difference=0.01, margin=0.02)}
    rules = replace(RULES, review=Review(decisive=error, shown=["pr_auc"]))
    params = {"params.yaml": json.dumps(with_values({"evaluate.bins": 5}))}

    comparison = compare_states(
        state("main", SESSIONS, SCORES), state("branch", SESSIONS, SCORES, files=params), rules
    )

    assert comparison.verdict == "cannot tell"
    assert comparison.exit_status == 3
    assert "every decisive metric is defined differently" in to_markdown(comparison)
    assert "decide." not in to_markdown(comparison)
    assert "PR-AUC" in to_markdown(comparison)


def test_a_model_that_ships_otherwise_than_it_was_compared_cannot_be_told() -> None:
    main = state("main", SESSIONS, SCORES)
    spoilt = pd.DataFrame({"row": SESSIONS.index, TARGET: SESSIONS[TARGET], "best_model": 0.5})

    comparison = compared(main, damaged({}, {PREDICTIONS: to_parquet(spoilt)}))

    assert comparison.verdict == "cannot tell"
    assert comparison.exit_status == 3
    assert "the models that ship score the test rows differently" in to_markdown(comparison)
    assert "**Test rows**" in to_markdown(comparison)


def test_another_threshold_for_the_same_scores_decides_by_its_cost() -> None:
    comparison = compared(
        state("main", SESSIONS, SCORES), state("branch", SESSIONS, SCORES, threshold=0.95)
    )

    assert "cost_per_1000_sessions" in comparison.decisive
    assert comparison.verdict == "worse"


def test_a_state_whose_stages_ran_in_part_has_no_slices_and_no_traceback() -> None:
    main = state("main", SESSIONS, SCORES)
    other = SESSIONS.iloc[5:].rename_axis("row").reset_index()
    partly = damaged({}, {TRAIN: to_parquet(other), TEST: to_parquet(other)})

    comparison = compared(main, partly)

    assert comparison.slices == []
    assert comparison.findings
    assert str(comparison.unconfirmed).startswith("the test rows of base or of head are not those")


def test_of_more_repeats_on_one_side_those_that_pair_are_taken() -> None:
    main = state("main", SESSIONS, SCORES)
    table = cross_fitted(SESSIONS, SCORES)
    more = damaged({}, {CROSS_FIT: to_parquet(table.assign(best_model_4=0.1))})

    assert compared(main, more).identical


def test_unknown_params_do_not_prevent_a_comparison() -> None:
    main = state("main", SESSIONS, SCORES)
    params = json.loads(main.read("params.yaml"))
    params["threshold"]["margin"], params["evaluate"]["columns"] = 0.1, 3
    other = state("old", SESSIONS, SCORES, files={"params.yaml": json.dumps(params)})

    assert compared(other, main).verdict == "no worse"
    assert compared(main, other).verdict == "no worse"


def test_a_missing_value_is_the_same_session() -> None:
    gap = SESSIONS.assign(ExitRates=SESSIONS["ExitRates"].where(SESSIONS.index > SESSIONS.index[5]))

    comparison = compared(state("main", gap, SCORES), state("branch", gap, SCORES))

    assert comparison.identical


def test_without_the_sessions_slices_and_crossings_are_left_out() -> None:
    comparison = compared(
        state("main", SESSIONS, SCORES),
        state("branch", SESSIONS, SCORES * 0.9, keeps_sessions=False),
    )

    assert comparison.findings
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
    assert json.loads(text)["exit_status"] in (0, 1, 3)


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


def damaged(files: dict[str, str], tables: dict[str, bytes] | None = None) -> State:
    """Return a state some of whose files are replaced after all was recorded."""
    whole = state("branch", SESSIONS, SCORES)
    for path, content in {
        **{p: text.encode() for p, text in files.items()},
        **(tables or {}),
    }.items():
        whole._files.pipe_file(path, content)
    return whole
