"""What a person sees of a board: its score while it works, and tables of what it said.

In: predictions as they come, a finished `DeviceRun`. Out: parts of a document; the live lines go to stderr.
"""

import time
from collections import deque
from collections.abc import Iterable
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from edgekit.device.client import LinkCounts
from edgekit.device.evaluate import Agreement, DeviceRun, latency
from edgekit.report.document import Facts
from edgekit.values.evaluation import Prediction, Threshold
from edgekit.values.task import Task

NAMED = 20  # of the images that differ, in the table; the JSON has all
RATE_OVER = 32  # images: the rate that is shown is that of the latest


class LiveScore:
    """Accuracy so far, confusion, images/s, retries and latency in two lines of 80 columns; a context manager.

    Args:
        total: number of images.
        unit: of `Prediction.invoke_us`, as `latency_unit` says it.
        quiet: show nothing.
    """

    def __init__(self, total: int, task: Task, threshold: Threshold, unit: str, *, quiet: bool = False) -> None:
        columns = (BarColumn(20), MofNCompleteColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
        self._bar = Progress(*columns)
        self._row = self._bar.add_task("", total=total, said="")
        self._task, self._margin_q, self._unit = task, threshold.margin_q or 0, unit
        self._counts = {"tp": 0, "fp": 0, "fn": 0, "tn": 0}
        self._times: list[int] = []
        self._moments: deque[float] = deque([time.monotonic()], maxlen=RATE_OVER)
        self._console = Console(stderr=True, quiet=quiet)
        self._live = Live(self, console=self._console, refresh_per_second=4)

    def __enter__(self) -> "LiveScore":
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        n = len(self._times)
        if n == 0:
            return "connected"
        times = sorted(self._times)
        right = (self._counts["tp"] + self._counts["tn"]) / n
        said = "  ".join(f"{name} {count}" for name, count in self._counts.items())
        p50, p95 = times[(n - 1) // 2], times[-(-n * 95 // 100) - 1]
        return f"accuracy {right:.3f}  {said}  p50 {p50:,}  p95 {p95:,} {self._unit}"

    def _count(self, one: Prediction) -> None:
        called = self._task.margins(one.logits) >= self._margin_q
        positive = self._task.is_positive(one.label)
        self._counts[("tp" if called else "fn") if positive else ("fp" if called else "tn")] += 1
        self._times.append(one.invoke_us or 0)
        self._bar.advance(self._row)


def latency_unit(board: str) -> str:
    """What a board's microsecond is: the emulated one counts instructions."""
    return "k instructions" if board == "emulated" else "us"


def device_facts(run: DeviceRun, compared: Agreement) -> Facts:
    """The board's identity, its agreement with the desktop, memory, line and latency."""
    rows = device_rows(run, compared)
    rows[2:2] = [("differs", name) for name in compared.differing[:NAMED]]
    if (more := len(compared.differing) - NAMED) > 0:
        rows.insert(2 + NAMED, ("differs", f"and {more:,} more: --json names all"))
    if run.device["board"] != "real":
        rows.append(("note", "not a real board: memory and latency are not an ESP32's"))
    return Facts(tuple(rows), "On the device")


def device_rows(run: DeviceRun, compared: Agreement) -> list[tuple[str, str]]:
    """Names and values: identity, agreement, memory, line, latency."""
    board, times = run.device, latency(run.predictions)
    memory = ", ".join(
        f"{name} {board[key]:,} bytes" if board.get(key) else f"{name} not known"
        for name, key in (("RAM", "ram_bytes"), ("flash", "flash_bytes"))
    )
    build = f", build {board['build_id']}" if board.get("build_id") else ""
    own = board["board"] == "desktop"
    same = f"{compared.identical:,} of {compared.images:,} images give the desktop's bytes"
    rows = [
        ("device", f"{board['chip']}, {board['board']}, {board['backend']}{build}"),
        ("agreement", "this is the desktop: nothing to compare it with" if own else same),
        ("arena", f"{board['arena_bytes']:,} bytes"),
        ("memory", memory),
    ]
    if not own:
        moved = run.link.sent_bytes + run.link.received_bytes
        resumed = f", {run.resumed:,} images from an earlier run" if run.resumed else ""
        rows.append(("link", f"{run.link.retries:,} retries, {moved:,} bytes{resumed}"))
    if times is not None:
        unit = "thousand instructions (emulated: no time)" if board["board"] == "emulated" else "us"
        rows.append(("latency", f"p50 {times.p50:,}, p95 {times.p95:,}, {times.min:,} to {times.max:,} {unit}"))
    return rows
