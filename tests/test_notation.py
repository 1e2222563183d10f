"""Nested values are written flat, and tables as Markdown."""

from hypothesis import given
from hypothesis import strategies as st

from ecom.notation import flatten, markdown_table

nested = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(
        st.text("ab", min_size=1, max_size=2), inner, min_size=1, max_size=3
    ),
)


@given(st.dictionaries(st.text("ab", min_size=1, max_size=2), nested, max_size=3))
def test_every_leaf_is_reached_by_its_name(node: dict[str, object]) -> None:
    for name, value in flatten(node).items():
        found: object = node
        for part in name.split("."):
            assert isinstance(found, dict)
            found = found[part]
        assert found == value
        assert not isinstance(value, dict)


def test_a_table_without_rows_has_its_headings() -> None:
    assert markdown_table(["a", "b"], []) == "| a | b |\n|---|---|"
