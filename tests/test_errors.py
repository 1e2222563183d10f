"""Errors that a user can act on list what is wrong, and tell scripts what kind it is."""

from ecom.errors import DataError, EcomError, NoSourceAnsweredError, ParamsError, describe


def test_faults_are_listed_line_by_line() -> None:
    assert str(ParamsError.from_faults(["a: wrong", "b: missing"])) == (
        "params.yaml has\n  - a: wrong\n  - b: missing"
    )


def test_no_answer_of_a_source_is_told_apart_from_bad_input() -> None:
    assert DataError.exit_status == EcomError.exit_status == 1
    assert NoSourceAnsweredError.exit_status == 69


def test_a_failed_operation_is_described_with_the_file_if_there_is_one() -> None:
    assert describe(OSError(28, "No space left on device", "a.csv")) == (
        "No space left on device: a.csv"
    )
    assert describe(OSError(28, "No space left on device")) == "No space left on device"
    assert describe(OSError("it broke")) == "it broke"
