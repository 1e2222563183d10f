"""What README and docs say: their commands, their figures, their links."""

import re
from pathlib import Path

from project import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
_BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PROGRAMS = ("dvc", "git", "make", "mlflow", "pip", "python", "source")
_FIGURE = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+|(?= ?%))(?![\w.])")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def commands() -> dict[str, list[str]]:
    """Return every command that a page shows, in a block or within a line, with its pages."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        text = text_of(page)
        lines = [
            line.partition("  #")[0]
            for block in _BLOCK.findall(text)
            for line in block.splitlines()
        ]
        spans = [" ".join(span.split()) for span in _SPAN.findall(_BLOCK.sub("", text))]
        spans = [span for span in spans if span.split(" ")[0] in _PROGRAMS]
        for command in (*filter(None, lines), *spans):
            found.setdefault(command.strip(), []).append(page.name)
    return found


def links(page: Path) -> list[str]:
    return _LINK.findall(_BLOCK.sub("", text_of(page)))


def figures(text: str) -> list[str]:
    """Return numbers with decimals and percentages, but for those in code, links and addresses."""
    text = _SPAN.sub("", _LINK.sub("", _BLOCK.sub("", text)))
    return [figure.lstrip("+-").replace(",", "") for figure in _FIGURE.findall(text)]
