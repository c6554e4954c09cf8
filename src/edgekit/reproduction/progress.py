"""Progress of a reproduction: a line for each unit that ended, and a bar with those that run. Goes to stderr."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from edgekit.reproduction.schedule import TRIES, Told


class UnitBars:
    """Shows units as they end; a context manager."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
            TextColumn("{task.description}"), console=self._console, transient=True,
            disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=None)
        self._warned: set[str] = set()

    def __enter__(self) -> "UnitBars":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def told(self, news: Told) -> None:
        """Hears from the schedule."""
        self._progress.start()  # not before: reading the images draws a bar of its own
        running = "; ".join(unit.name for unit in news.running[:4])
        self._progress.update(self._task, completed=news.done, total=news.total, description=running)
        one = news.ended
        if one is None:
            return
        for warning in one.warnings:
            self.warn(f"{one.unit.name}: {warning}")
        if news.retry:
            self.warn(f"{one.unit.name}: {one.problem}. It is tried again, up to {TRIES} times in all.")
        elif one.problem:
            self.warn(f"{one.unit.name} failed: {one.problem}")
        else:
            line = f"{news.done}/{news.total} {one.unit.name}: {one.wall_s:.1f} s"
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def warn(self, message: str) -> None:
        """Prints a warning above the bar, once: the data are read at several sizes."""
        if message not in self._warned:
            self._warned.add(message)
            self._console.print(f"warning: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)
