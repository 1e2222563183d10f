"""The bar is drawn on a terminal alone."""

import pytest

from ecom.serving.bulk.job import Summary
from ecom.serving.bulk.progress import progress


def test_into_a_log_nothing_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as report:
        report(Summary(rows=10), 20)
        report(Summary(rows=20), None)

    assert capsys.readouterr().err.strip() == ""
