"""Progress of long commands: a line for each stage or unit that ended, and a bar while one runs; the score of a board
while it works. Goes to stderr.

In a pipe or a log there is no bar; a long stage says every so often how far it is.
"""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Self

from rich import progress as bars
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from edgekit.errors import printable
from edgekit.executor import units
from edgekit.metrics.decisions import decide
from edgekit.report.pages.device import latency_unit
from edgekit.values.device_run import LinkCounts, latency
from edgekit.values.evaluation import Prediction, Threshold
from edgekit.values.task import Task

_LOG_EVERY_S = 30.0
_RATE_OVER = 32  # images: the rate that is shown is that of the latest


class Bars:
    """A bar that lines are printed above; a context manager."""

    def __init__(self, *columns: str | bars.ProgressColumn) -> None:
        self._console = Console(stderr=True)
        self._progress = bars.Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )  # started with the first stage or unit: reading the images draws a bar of its own
        self._warned: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._progress.stop()

    def warn(self, message: str) -> None:
        """Prints a warning above the bar, once: the data are read at the teachers' size and at the student's."""
        if message not in self._warned:
            self._warned.add(message)
            said = f"warning: {printable(message)}"
            self._console.print(said, style="yellow", markup=False, highlight=False, soft_wrap=True)


class StageBars(Bars):
    """Shows stages as they come."""

    def __init__(self) -> None:
        super().__init__(
            "{task.description:<16}", bars.BarColumn(), "{task.fields[said]}", bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(),
        )  # fmt: skip
        self._task: bars.TaskID | None = None
        self._name, self._began, self._logged = "", 0.0, 0.0

    def __exit__(self, kind: object, error: object, trace: object) -> None:
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


class UnitBars(Bars):
    """Shows units of work as they end, and those that run."""

    def __init__(self) -> None:
        super().__init__(
            bars.BarColumn(), bars.MofNCompleteColumn(), bars.TimeElapsedColumn(), bars.TimeRemainingColumn(),
            "{task.description}",
        )  # fmt: skip
        self._task = self._progress.add_task("", total=None)

    def unit(self, progress: units.Progress[Any, Any]) -> None:
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
            self.warn(f"{one.item}: {one.problem}. It is tried again, up to {units.TRIES} times in all.")
        elif one.problem:
            self.warn(f"{one.item} failed: {one.problem}")
        else:
            line = f"{progress.done}/{progress.total} {one.item}: {one.wall_s:.1f} s"
            self._console.print(printable(line), highlight=False, markup=False, soft_wrap=True)


class LiveScore:
    """Accuracy so far, the confusion of a positive label, images/s, retries and latency in two lines of 80 columns; a
    context manager.

    Args:
        total: number of images.
        board: the kind of board, which says what its time is.
        quiet: show nothing.
    """

    def __init__(
        self, total: int, task: Task | None, threshold: Threshold | None, board: str, *, quiet: bool = False
    ) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        columns = bars.BarColumn(20), bars.MofNCompleteColumn(), "{task.fields[said]}", bars.TimeRemainingColumn()
        self._bar = bars.Progress(*(columns if self._console.is_terminal else columns[1:3]))  # a log gets the end alone
        self._row = self._bar.add_task("", total=total, said="")
        self._task, self._threshold, self._unit = task, threshold, latency_unit(board)
        self._right = 0
        self._counts = {"tp": 0, "fp": 0, "fn": 0, "tn": 0} if task and task.positive else {}
        self._seen: list[Prediction] = []
        self._moments: deque[float] = deque([time.monotonic()], maxlen=_RATE_OVER)
        self._live = Live(self, console=self._console, refresh_per_second=4)

    def __enter__(self) -> "LiveScore":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if not self._console.is_terminal:  # rich ends the line on terminals alone
            self._console.line()

    def __rich__(self) -> RenderableType:
        return Group(self._bar, Text(self.line()))

    def resumed(self, predictions: Iterable[Prediction]) -> None:
        """Takes over what an earlier run did."""
        for one in predictions:
            self._count(one)

    def __call__(self, one: Prediction, link: LinkCounts) -> None:
        """One image more."""
        self._count(one)
        self._moments.append(time.monotonic())
        rate = (len(self._moments) - 1) / max(self._moments[-1] - self._moments[0], 1e-9)
        self._bar.update(self._row, said=f"{rate:.1f} images/s  {link.retries} retries")

    def line(self) -> str:
        """The second line."""
        if not self._seen:
            return "connected"
        times = latency(self._seen)
        said = "".join(f"{name} {count}  " for name, count in self._counts.items())
        right = f"accuracy {self._right / len(self._seen):.3f}  {said}" if self._task else ""
        return right + (f"p50 {times.p50:,}  p95 {times.p95:,} {self._unit}" if times else "not timed")

    def _count(self, one: Prediction) -> None:
        if self._task is not None:
            (called,) = decide([one.logits], self._task, self._threshold).tolist()
            self._right += called == one.label
            if self._counts:
                kind = "tf"[called != one.label] + "np"[called == self._task.positive_index]
                self._counts[kind] += 1
        self._seen.append(one)
        self._bar.advance(self._row)
