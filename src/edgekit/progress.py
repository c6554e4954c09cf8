"""Progress of a build on the terminal: one line a stage, a bar for the one that trains. Goes to stderr."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class StageBars:
    """Shows stages as they come; a context manager."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description:<16}"), BarColumn(), TextColumn("{task.fields[said]}"), TimeElapsedColumn(),
            TimeRemainingColumn(), console=self._console, transient=True,
        )  # fmt: skip
        self._task: TaskID | None = None
        self._name, self._began = "", 0.0

    def __enter__(self) -> "StageBars":
        self._progress.start()
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
        else:
            self._name, self._began = name, time.monotonic()
            self._task = self._progress.add_task(name, total=None, said="")

    def epoch(self, done: int, total: int, loss: float) -> None:
        """The running stage has done so many epochs."""
        if self._task is not None:
            self._progress.update(
                self._task, completed=done, total=total, said=f"epoch {done}/{total}, loss {loss:.3f}"
            )

    def warn(self, message: str) -> None:
        """Prints a warning above the bars."""
        self._console.print(f"warning: {message}", style="yellow", markup=False, highlight=False, soft_wrap=True)

    def _finish(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._console.print(f"{self._name:<16} {time.monotonic() - self._began:.1f} s", highlight=False)
            self._task = None
