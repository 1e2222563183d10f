"""A review needs a branch that shares a commit, and params without faults."""

from pathlib import Path

import pytest

from ecom.errors import ParamsError, ProjectError
from ecom.review.branch import Review, review
from ecom.review.outcome import StateResults
from project import ROOT
from recorded import SCORES, SESSIONS, compared, state


def test_a_target_that_shares_no_commit_is_told() -> None:
    with (
        pytest.raises(ProjectError, match="'nowhere' and this branch have no common commit"),
        review(ROOT, "nowhere"),
    ):
        pass


def test_a_fault_of_params_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: 1")

    with pytest.raises(ParamsError, match="a: unknown key"), review(tmp_path, "main"):
        pass


def test_curves_of_both_sides_are_drawn(tmp_path: Path) -> None:
    base, head = state("main", SESSIONS, SCORES), state("branch", SESSIONS, SCORES * 0.9)
    reviewed = Review(compared(base, head), StateResults(base), StateResults(head))

    reviewed.draw(tmp_path / "curves.png")

    assert (tmp_path / "curves.png").read_bytes()[1:4] == b"PNG"
