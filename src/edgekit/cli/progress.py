"""Progress of long commands: a line for each stage or unit that ended, and a bar while one runs. Goes to stderr.

In a pipe or a log there is no bar; a long stage says every so often how far it is.
"""

import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)  # fmt: skip

from edgekit.executor.units import TRIES
from edgekit.executor.units import Progress as UnitProgress

_LOG_EVERY_S = 30.0


class _Bars:
    """A bar that lines are printed above; a context manager."""

    def __init__(self, *columns: ProgressColumn) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )  # started with the first stage or unit: reading the images draws a bar of its own
        self._warned: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def warn(self, message: str) -> None:
        """Prints a warning above the bar, once: the data are read at the teachers' size and at the student's."""
        if message not in self._warned:
            self._warned.add(message)
            self._console.print(f"warning: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)


class StageBars(_Bars):
    """Shows stages as they come."""

    def __init__(self) -> None:
        super().__init__(
            TextColumn("{task.description:<16}"), BarColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn(),
            TimeRemainingColumn(),
        )  # fmt: skip
        self._task: TaskID | None = None
        self._name, self._began, self._logged = "", 0.0, 0.0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        super().__exit__(kind, error, trace)

    def stage(self, name: str, cached: bool) -> None:
        """A stage begins, or was found in the cache."""
        self._finish()
        if cached:
            self._console.print(f"{name:<16} cached", style="dim", highlight=False)
            return
        self._name, self._began, self._logged = name, time.monotonic(), time.monotonic()
        self._task = self._progress.add_task(name, total=None, said="")
        self._progress.start()

    def epoch(self, done: int, total: int, loss: float) -> None:
        """The running stage has done so many epochs."""
        if self._task is None:
            return
        said = f"epoch {done}/{total}, loss {loss:.3f}"
        self._progress.update(self._task, completed=done, total=total, said=said)
        if not self._console.is_terminal and time.monotonic() - self._logged >= _LOG_EVERY_S:
            self._console.print(f"{self._name:<16} {said}", highlight=False)
            self._logged = time.monotonic()

    def _finish(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._progress.stop()
            self._console.print(f"{self._name:<16} {time.monotonic() - self._began:.1f} s", highlight=False)
            self._task = None


class UnitBars(_Bars):
    """Shows units of work as they end, and those that run."""

    def __init__(self) -> None:
        super().__init__(
            BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )  # fmt: skip
        self._task = self._progress.add_task("", total=None)

    def unit(self, progress: UnitProgress[Any, Any]) -> None:
        """A unit has begun or ended."""
        self._progress.start()
        running = "; ".join(map(str, progress.running[:4]))
        self._progress.update(self._task, completed=progress.done, total=progress.total, description=running)
        one = progress.result
        if one is None:
            return
        for warning in one.warnings:
            self.warn(f"{one.item}: {warning}")
        if progress.retry:
            self.warn(f"{one.item}: {one.problem}. It is tried again, up to {TRIES} times in all.")
        elif one.problem:
            self.warn(f"{one.item} failed: {one.problem}")
        else:
            line = f"{progress.done}/{progress.total} {one.item}: {one.wall_s:.1f} s"
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
