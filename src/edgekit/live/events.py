"""What happens while a folder is watched.

In: what the watch found out. Out: values that the terminal, a script and the page each show in their way.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit.live.tally import Tally
from edgekit.pipeline.predict import Answer
from edgekit.report.pages.device import latency_unit
from edgekit.values.device_run import board_name


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture, by its path below the folder, that is not asked about, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The board is there. `page`: the page's address; `device`: the board's identity as JSON values."""

    folder: Path
    model: str
    page: str
    device: dict[str, Any]
    labels: tuple[str, ...]  # of the outputs, in their order; empty where they are no classes
    domain: str  # what must be said of such answers; empty where nothing
    tally: Tally  # goes on counting

    @property
    def board(self) -> str:
        """The board as people call it."""
        return f"{board_name(self.device)} ({self.device['board']}, {self.device['backend']})"

    def time(self, seen: "Seen") -> str:
        """What one inference took, in words; empty where the board has no clock."""
        if seen.invoke_us is None:
            return ""
        where = " on this computer" if self.device["board"] == "native" else ""
        return f"{seen.invoke_us:,} {latency_unit(self.device['board'])}{where}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture that the board answered.

    Attributes:
        path: below the folder.
        truth: the label that a folder above it is called by; empty where none is.
        invoke_us: one inference on the board's clock, as `DeviceRun` has it; None where it has none.
        preview: the picture as PNG, as it was sent but for its size.
    """

    path: str
    answer: Answer
    truth: str
    invoke_us: int | None
    preview: bytes


Event = Begun | Seen | Skipped
