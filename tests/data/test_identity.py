"""A session keeps its key whatever happens around it."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ecom.data.identity import session_keys
from ecom.schema import CATEGORICAL, FEATURES, TARGET
from generated import typed_sessions

SESSIONS = typed_sessions(300)
KEYS = session_keys(SESSIONS)


@given(st.permutations(range(len(SESSIONS))))
@settings(max_examples=20, deadline=None)
def test_neither_order_nor_row_number_nor_label_makes_another_key(order: list[int]) -> None:
    shuffled = SESSIONS.iloc[order].reset_index(drop=True)
    other = shuffled.assign(**{TARGET: 1 - shuffled[TARGET]})[list(reversed(SESSIONS.columns))]

    assert session_keys(other).tolist() == KEYS.iloc[order].tolist()


def test_any_other_value_makes_another_key() -> None:
    for name in FEATURES:
        values = SESSIONS[name]
        changed = values + "x" if name in CATEGORICAL else values + 1

        other = session_keys(SESSIONS.assign(**{name: changed}))

        assert not set(other) & set(KEYS)


def test_equal_sessions_have_keys_of_their_own_that_lead_to_the_first() -> None:
    twice = pd.concat([SESSIONS, SESSIONS], ignore_index=True)

    keys = session_keys(twice)

    assert keys.is_unique
    assert keys.iloc[: len(SESSIONS)].tolist() == KEYS.tolist()


def test_a_key_is_the_same_on_every_machine() -> None:
    one = pd.DataFrame([dict.fromkeys(FEATURES, 1) | {"Month": "Nov", "ExitRates": 0.1}])

    assert session_keys(one).tolist() == ["21e37c173acb79463d795bc9"]
