"""The images in flight to a board: the round-trip timeout of each, and when the board counts as gone. No I/O.

In: moments of `time.monotonic`. Out: deadlines.
"""

import time
from collections import deque
from dataclasses import dataclass, field

SILENCE_LIMIT_S = 7.0  # the message that the board has vanished comes within 10 s
TURN_LIMIT_S = 20.0  # of one image, besides its time on the line: with a write that blocks, 30 s at most
UPLOADS_A_TURN = 4  # one bad byte in 200 lets every fourth chunk through
FIRST_TIMEOUT_S = 2.0  # before the board's speed is known
MIN_TIMEOUT_S = 0.2  # a busy computer delays an answer by as much
MAX_TIMEOUT_S = 3.0  # so that a board which lost a question is asked again before it counts as silent


@dataclass(slots=True)
class Pending:
    """An image in flight: `since_s` its turn began, at `asked_s` the latest question is through the line as far as is
    known, by `through_s` for certain; at `deadline_s` it is asked for again. One upload takes `line_s` on the line.
    `timeouts` of its `attempts` had no answer in time. `outputs` are those that have come, by their offset."""

    key: str
    seq: int
    image: bytes
    crc: int
    since_s: float
    line_s: float = 0.0
    asked_s: float = 0.0
    through_s: float = 0.0
    deadline_s: float = 0.0
    attempts: int = 0
    timeouts: int = 0
    outputs: dict[int, bytes] = field(default_factory=dict)

    def gathered(self, offset: int, part: bytes, output_bytes: int) -> bytes | None:
        """Takes a part of the outputs; all of them once they are there."""
        self.outputs[offset] = part
        if sum(map(len, self.outputs.values())) < output_bytes:
            return None
        return b"".join(self.outputs[at] for at in sorted(self.outputs))


class InFlight:
    """The images in flight and how long to wait for them. The device takes them one after the other, so the round-trip
    timeout of one is twice the slowest of the latest answers, counted from the moment its turn began. It doubles with
    every answer that did not come: a line that is slow for a moment would drown in repeated questions."""

    def __init__(self) -> None:
        self.pending: dict[int, Pending] = {}
        self._answers_s: deque[float] = deque(maxlen=8)
        self._heard_s = 0.0
        self._timeouts = 0  # since the latest answer whose time is known

    @property
    def _timeout_s(self) -> float:
        slowest_s = max(self._answers_s, default=FIRST_TIMEOUT_S / 2)
        return min(max(2 * slowest_s, MIN_TIMEOUT_S) * float(1 << self._timeouts), MAX_TIMEOUT_S)

    def add(self, one: Pending) -> None:
        """One more is in flight."""
        if not self.pending:
            self._heard_s = time.monotonic()  # the caller may have rested
        one.deadline_s = max(one.since_s, one.asked_s) + self._timeout_s * (1 + len(self.pending))
        self.pending[one.seq] = one

    def finish(self, seq: int) -> None:
        """It was answered: the turn of the next begins."""
        now, done = time.monotonic(), self.pending.pop(seq)
        self._timeouts = 0
        if not done.timeouts:  # else nobody knows which question was answered (Karn, 1987)
            self._answers_s.append(max(0.0, now - max(done.since_s, done.asked_s)))
        for one in self.pending.values():
            one.since_s = now
            self.postpone(one)

    def postpone(self, one: Pending) -> None:
        """The board asked for more of it, or its turn begins: wait anew."""
        self._timeouts = 0
        self._wait(one)

    def repeated(self, one: Pending) -> None:
        """Its question was asked again because no answer had come in time."""
        one.timeouts += 1
        self._timeouts = min(self._timeouts + 1, 8)
        self._wait(one)

    def _wait(self, one: Pending) -> None:
        one.deadline_s = max(time.monotonic(), one.asked_s) + self._timeout_s

    def wake_s(self) -> float:
        """When to look again at the latest."""
        moments = [moment for one in self.pending.values() for moment in (one.deadline_s, _end_s(one))]
        return min(self._silent_s(), *moments)

    def silent(self, heard: bool) -> bool:
        """Whether the board has been silent for too long; `heard`: a good frame came."""
        if heard:
            self._heard_s = time.monotonic()
        return time.monotonic() >= self._silent_s()

    def _silent_s(self) -> float:
        return max([self._heard_s, *(one.through_s for one in self.pending.values())]) + SILENCE_LIMIT_S

    def given_up(self) -> Pending | None:
        """One whose turn takes too long, whatever the board says meanwhile."""
        return next((one for one in self.pending.values() if time.monotonic() >= _end_s(one)), None)

    def overdue(self) -> list[Pending]:
        """Those whose answer is late."""
        return [one for one in self.pending.values() if time.monotonic() >= one.deadline_s]


def _end_s(one: Pending) -> float:
    return one.since_s + TURN_LIMIT_S + UPLOADS_A_TURN * one.line_s
