"""What answers takes sessions in any form that numpy takes, and names what is missing."""

from pathlib import Path

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


def test_no_sessions_get_no_answers(folder: Path) -> None:
    scorer = open_package(folder).scorer

    assert len(scorer.answer({str(name): [] for name in SESSIONS}).probability) == 0


def test_words_for_numbers_are_refused(folder: Path) -> None:
    scorer = open_package(folder).scorer
    sessions = {str(name): values.tolist() for name, values in SESSIONS.head(2).items()}

    with pytest.raises(ValueError, match="could not convert string to float"):
        scorer.answer(sessions | {"PageValues": ["much", "little"]})
