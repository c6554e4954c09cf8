"""Progress of a build: one line a stage, and a bar for the one that trains. Goes to stderr.

In a pipe or a log there is no bar; a long stage says every so often how far it is.
"""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_LOG_EVERY_S = 30.0


class StageBars:
    """Shows stages as they come; a context manager."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:<16}"), BarColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn(),
            TimeRemainingColumn(), console=self._console, transient=True, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._name, self._began, self._logged = "", 0.0, 0.0
        self._warned: set[str] = set()

    def __enter__(self) -> "StageBars":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        self._progress.stop()

    def stage(self, name: str, cached: bool) -> None:
        """A stage begins, or was found in the cache."""
        self._finish()
        if cached:
            self._console.print(f"{name:<16} cached", style="dim", highlight=False)
            return
        self._name, self._began, self._logged = name, time.monotonic(), time.monotonic()
        self._task = self._progress.add_task(name, total=None, said="")
        self._progress.start()  # not before: reading the images draws a bar of its own

    def epoch(self, done: int, total: int, loss: float) -> None:
        """The running stage has done so many epochs."""
        if self._task is None:
            return
        said = f"epoch {done}/{total}, loss {loss:.3f}"
        self._progress.update(self._task, completed=done, total=total, said=said)
        if not self._console.is_terminal and time.monotonic() - self._logged >= _LOG_EVERY_S:
            self._console.print(f"{self._name:<16} {said}", highlight=False)
            self._logged = time.monotonic()

    def warn(self, message: str) -> None:
        """Prints a warning above the bars, once: the data are read at the teachers' size and at the student's."""
        if message in self._warned:
            return
        self._warned.add(message)
        self._console.print(f"warning: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)

    def _finish(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._progress.stop()
            self._console.print(f"{self._name:<16} {time.monotonic() - self._began:.1f} s", highlight=False)
            self._task = None
