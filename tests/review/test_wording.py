"""The comment says what a reviewer needs, in short lists and whole figures."""

import json

import pytest

from ecom.review.wording import MARKER, failure_to_markdown, headline, to_markdown
from recorded import SCORES, SESSIONS, compared, state


def test_another_seed_of_many_digits_is_told_in_full() -> None:
    main = state("main", SESSIONS, SCORES)
    text = main.read("params.yaml").decode()
    sides = [
        state(
            name,
            SESSIONS,
            SCORES,
            files={"params.yaml": text.replace('"seed": 42', f'"seed": {seed}')},
        )
        for name, seed in (("a", 20240101), ("b", 20240102))
    ]

    assert "`split.seed` 20240101 → 20240102" in to_markdown(compared(*sides))


def test_the_comment_begins_with_the_mark_that_finds_it_again() -> None:
    main = state("main", SESSIONS, SCORES)

    assert to_markdown(compared(main, main)).startswith(
        MARKER + "\n\n## ⚪ No worse: every session"
    )


def test_params_that_are_lists_and_long_lists_stay_readable() -> None:
    main = state("main", SESSIONS, SCORES)
    params = json.loads(main.read("params.yaml"))
    params["cv"]["candidates"] = ["logistic"]
    params |= {f"param{number}": number for number in range(20)}

    text = to_markdown(
        compared(main, state("b", SESSIONS, SCORES, files={"params.yaml": json.dumps(params)}))
    )

    assert "`cv.candidates` logistic, logistic_interactions" in text
    assert "and 9 more" in text


def test_a_failure_has_the_mark_too() -> None:
    assert failure_to_markdown("no commit") == f"{MARKER}\n\n## ⚠️ No comparison\n\nno commit\n"


@pytest.mark.parametrize(
    ("threshold", "said"),
    [
        (0.9, "🔴 Worse: cost of errors, € per 1,000 sessions +"),
        (0.5, "⚪ No worse: every session gets the same score"),
    ],
)
def test_the_headline_names_the_verdict_and_what_decided_it(threshold: float, said: str) -> None:
    main = state("main", SESSIONS, SCORES)

    assert headline(compared(main, state("b", SESSIONS, SCORES, threshold=threshold))).startswith(
        said
    )


def test_every_judged_metric_has_a_row_and_the_decisive_ones_stand_out() -> None:
    main = state("main", SESSIONS, SCORES)

    text = to_markdown(compared(main, state("branch", SESSIONS, SCORES * 0.9)), "curves.png")

    assert "| **PR-AUC** | " in text
    assert "| Brier score | " in text
    assert "Perfect calibration would show a calibration error of 0.0" in text
    assert "PR-AUC, log loss, cost of errors at the break-even threshold, €" in text
    assert "![Curves of both sides](curves.png)" in text
