"""How far a job is, on a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ecom.serving.bulk.job import Summary


@contextmanager
def progress() -> Iterator[Callable[[Summary, int | None], None]]:
    """Yield what `score_all` reports to: it draws a bar, and rows per second, on standard error."""
    columns = (
        TextColumn("scoring"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("scoring", total=None, speed="")

        def report(found: Summary, rows: int | None) -> None:
            elapsed = bar.tasks[0].elapsed or 0
            speed = f"{found.rows / elapsed:,.0f} rows/s" if elapsed else ""
            bar.update(task, completed=found.rows, total=rows, speed=speed)

        yield report
