"""What answers takes sessions in any form that numpy takes, and names what is missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecom.serving.package import open_package
from generated import features_and_labels

SESSIONS, _ = features_and_labels()


def test_a_frame_lists_and_arrays_get_the_same_answers(folder: Path) -> None:
    scorer = open_package(folder).scorer
    few = SESSIONS.head(5)

    frame = scorer.answer(few)  # type: ignore[arg-type]  # a frame has columns by name, as a mapping
    lists = scorer.answer({str(name): values.tolist() for name, values in few.items()})

    np.testing.assert_array_equal(frame.probability, lists.probability)
    assert frame.flagged.shape == (5,)


def test_one_session_gets_the_answer_that_it_has_among_others(folder: Path) -> None:
    scorer = open_package(folder).scorer
    inputs = scorer._checked({str(name): values.to_numpy() for name, values in SESSIONS.items()})

    together = scorer.score(inputs)
    alone = [
        scorer.score_one({name: values[place : place + 1] for name, values in inputs.items()})
        for place in range(50)
    ]

    np.testing.assert_allclose([one.log_odds for one in alone], together.log_odds[:50], rtol=1e-14)
    assert [one.probability for one in alone] == together.probability[:50].tolist()
    assert [one.flagged for one in alone] == together.flagged[:50].tolist()


def test_no_sessions_get_no_answers(folder: Path) -> None:
    scorer = open_package(folder).scorer

    assert len(scorer.answer({str(name): [] for name in SESSIONS}).probability) == 0


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("PageValues", ["much", "little"], "PageValues must be numbers, one for each session"),
        ("PageValues", ["3", "4"], "PageValues must be numbers"),
        ("PageValues", [None, 1.0], "PageValues must be numbers"),
        ("PageValues", 3.0, "PageValues must be numbers"),
        ("PageValues", [[1.0], [2.0]], "PageValues must be numbers"),
        ("PageValues", [float("nan"), 1.0], "PageValues must be finite numbers"),
        ("PageValues", [float("inf"), 1.0], "PageValues must be finite numbers"),
        ("PageValues", [1.0], "different lengths: .*PageValues 1"),
        ("Month", [3, 4], "Month must be texts, one for each session"),
        ("Month", [None, "Nov"], "Month must be texts"),
        ("Month", "Nov", "Month must be texts"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_column(
    folder: Path, column: str, values: Any, said: str
) -> None:
    scorer = open_package(folder).scorer
    sessions = {str(name): values.tolist() for name, values in SESSIONS.head(2).items()}

    with pytest.raises(ValueError, match=said):
        scorer.answer(sessions | {column: values})
    with pytest.raises(ValueError, match=said):
        scorer.explain(sessions | {column: values})
