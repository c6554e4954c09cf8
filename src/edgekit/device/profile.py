"""What each layer of a compiled model costs on a board: ticks of the board's own clock, step by step.

In: a conversation with firmware that carries a profile. Out: a `Profile`.
"""

import struct
from dataclasses import dataclass

from edgekit.device import protocol
from edgekit.device.client import Client
from edgekit.errors import EdgekitError

EMULATED_HZ = 1_000_000_000  # instructions a second of the emulated board's time: -icount shift=0


@dataclass(frozen=True, slots=True)
class Profile:
    """One run, step by step.

    Attributes:
        ticks: by step.
        tick_hz: ticks a second of the board's clock.
        board: what counted.
        outputs: the raw int8 outputs of the run.
    """

    ticks: tuple[int, ...]
    tick_hz: int
    board: protocol.Board
    outputs: bytes

    @property
    def instructions(self) -> tuple[int, ...] | None:
        """By step, on the emulated board; None elsewhere."""
        if self.board != protocol.Board.EMULATED:
            return None
        return tuple(ticks * self.resolution for ticks in self.ticks)

    @property
    def us(self) -> tuple[float, ...] | None:
        """Microseconds by step; None on the emulated board, whose time is none."""
        if self.board == protocol.Board.EMULATED:
            return None
        return tuple(round(ticks * 1e6 / self.tick_hz, 3) for ticks in self.ticks)

    @property
    def resolution(self) -> int:
        """Instructions in a tick of the emulated board."""
        return EMULATED_HZ // self.tick_hz


def profile(client: Client, image: bytes) -> Profile:
    """Runs the image (int8 bytes of one input) and asks what every step took.

    Raises:
        EdgekitError: what `Client.infer` raises, or firmware without a profile.
    """
    (outcome,) = client.infer([("the image", image)])
    ticks: list[int] = []
    while True:
        answer = client.ask(protocol.Profile(len(ticks)), protocol.StepTicks)
        count = len(answer.ticks) // 4
        if not answer.tick_hz or not count or answer.first != len(ticks):
            raise EdgekitError("The board's profile makes no sense.", "Flash the firmware of this edgekit.")
        ticks += struct.unpack(f"<{count}I", answer.ticks[: 4 * count])
        if len(ticks) >= answer.steps:
            break
    assert client.info is not None
    return Profile(tuple(ticks), answer.tick_hz, protocol.Board(client.info.board), outcome.outputs)
