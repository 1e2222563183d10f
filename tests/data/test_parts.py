"""Files that were put together are known again."""

from hypothesis import given
from hypothesis import strategies as st

from ecom.data.parts import Parts

names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=30)


@given(st.lists(st.tuples(names, st.integers(0, 10**9)), min_size=1, max_size=20))
def test_files_survive_being_written(files: list[tuple[str, int]]) -> None:
    parts = Parts([name for name, _ in files], [rows for _, rows in files])

    assert Parts.parse(parts.to_csv()) == parts
