"""Sessions are known again by what they hold, and by nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.errors import PackageError
from ecom.schema import FEATURES
from ecom.serving.training import read_hashes, session_hashes, write_hashes
from generated import features_and_labels

SESSIONS = features_and_labels()[0]
COLUMNS = {name: SESSIONS[name].to_numpy() for name in FEATURES}


def test_a_session_has_its_hash_in_any_company_and_type() -> None:
    whole = session_hashes(COLUMNS, FEATURES)
    some = {
        name: values[::3].astype(object if values.dtype == object else np.float64)
        for name, values in COLUMNS.items()
    }

    np.testing.assert_array_equal(session_hashes(some, FEATURES), whole[::3])


@pytest.mark.parametrize("name", FEATURES)
def test_every_column_counts(name: str) -> None:
    changed = dict(COLUMNS)
    changed[name] = (
        np.where(COLUMNS[name] == "May", "Nov", "May")
        if name
        in (
            "Month",
            "VisitorType",
        )
        else COLUMNS[name].astype(float) + 1
    )

    assert not (session_hashes(changed, FEATURES) == session_hashes(COLUMNS, FEATURES)).any()


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_hashes_are_read_as_they_were_written_without_their_order(hashes: list[int]) -> None:
    content = write_hashes(np.array(hashes, np.uint32))

    assert read_hashes(content).tolist() == sorted(set(hashes))


def test_a_file_that_was_cut_off_is_refused() -> None:
    with pytest.raises(PackageError, match="were cut off"):
        read_hashes(b"12345")
