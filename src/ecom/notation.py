"""How nested values and tables are written."""

from collections.abc import Mapping, Sequence
from typing import Any


def flatten(node: Any, name: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings by their names, joined with dots.

    Examples
    --------
    >>> flatten({"tune": {"n_iter": 15, "distributions": {}}, "baseline": {"C": 1.0}})
    {'tune.n_iter': 15, 'baseline.C': 1.0}
    """
    if not isinstance(node, Mapping):
        return {name: node}
    return {
        key: value
        for child, inner in node.items()
        for key, value in flatten(inner, f"{name}.{child}" if name else str(child)).items()
    }


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown.

    Examples
    --------
    >>> print(markdown_table(["", "PR-AUC"], [["baseline", "0.658"]]))
    |  | PR-AUC |
    |---|---|
    | baseline | 0.658 |
    """
    lines = [f"| {' | '.join(cells)} |" for cells in (headings, *rows)]
    return "\n".join([lines[0], f"|{'---|' * len(headings)}", *lines[1:]])
