"""Section ``data``: a source of the pinned content, or generated sessions."""

import pytest

from ecom.params.data import Data
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"source": "reel"},
            "data.source: 'reel' is not allowed; input should be 'real' or 'synthetic'",
        ),
        ({"sources": []}, "data.sources: [] is not allowed; list should have at least 1 item"),
        (
            {"sources": "a.csv"},
            "data.sources: 'a.csv' is not allowed; input should be a valid list",
        ),
        ({"sources": [1]}, "data.sources.0: 1 is not allowed; expected an address, or a "),
        ({"sources": [[]]}, "data.sources.0: [] is not allowed; expected an address, or a list of"),
        ({"sources": [["a", 1]]}, "data.sources.0: ['a', 1] is not allowed; expected an address"),
        (
            {"sha256": "abc"},
            "data.sha256: 'abc' is not allowed; string should match pattern '^[0-9a-f]{64}$'",
        ),
        ({"timeout": 0}, "data.timeout: 0 is not allowed; input should be greater than 0"),
        (
            {"retries": -1},
            "data.retries: -1 is not allowed; input should be greater than or equal to 0",
        ),
        (
            {"synthetic.rows": 1},
            "data.synthetic.rows: 1 is not allowed; input should be greater than or equal to 100",
        ),
        ({"synthetic": 3}, "data.synthetic: 3 is not allowed; expected a section with rows, seed"),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Data, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize(
    "changes",
    [{"sha256": None}, {"source": "synthetic"}, {"sources": [["a.csv", "b.csv"], "months/"]}],
)
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Data, changes) == []
