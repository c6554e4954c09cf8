"""One progress bar for everything in this package that takes longer than a moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console
from rich.markup import escape

from edgekit.errors import printable


@contextmanager
def bar(label: str, total: int | None, done: int = 0, *, in_bytes: bool = False) -> Iterator[Callable[[int], None]]:
    """Yields `advance(steps)`. Drawn on stderr, and only on a terminal, so that logs and pipes stay clean."""
    console = Console(stderr=True)
    counts = (bars.DownloadColumn(), bars.TransferSpeedColumn()) if in_bytes else (bars.MofNCompleteColumn(),)
    columns = ("{task.description}", bars.BarColumn(), *counts, bars.TimeRemainingColumn())
    with bars.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(escape(printable(label)), total=total, completed=done)
        yield lambda steps: progress.advance(task, steps)
