"""Errors that a user can act on list what is wrong, and tell scripts what kind it is."""

from ecom.errors import DataError, EcomError, NoSourceAnsweredError, ParamsError


def test_faults_are_listed_line_by_line() -> None:
    assert str(ParamsError.from_faults(["a: wrong", "b: missing"])) == (
        "params.yaml has\n  - a: wrong\n  - b: missing"
    )


def test_no_answer_of_a_source_is_told_apart_from_bad_input() -> None:
    assert DataError.exit_status == EcomError.exit_status == 1
    assert NoSourceAnsweredError.exit_status == 69
