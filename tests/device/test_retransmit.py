"""How long the host waits for an image before it asks again."""

import time

import pytest

from edgekit.device.retransmit import (
    MAX_TIMEOUT_S,
    MIN_TIMEOUT_S,
    InFlight,
    Pending,
)


def image(seq: int) -> Pending:
    now = time.monotonic()
    return Pending(str(seq), seq, b"", 0, since_s=now, asked_s=now)


def wait_of(flight: InFlight, one: Pending) -> float:
    return one.deadline_s - max(time.monotonic(), one.asked_s)


def settled() -> InFlight:
    """A flight that has seen quick answers."""
    flight = InFlight()
    for seq in range(10):
        flight.add(image(seq))
        flight.finish(seq)
    return flight


def test_the_timeout_doubles_with_every_answer_that_does_not_come_and_ends_with_one_that_does() -> None:
    flight, one = settled(), image(20)
    flight.add(one)
    assert wait_of(flight, one) == pytest.approx(MIN_TIMEOUT_S, abs=0.05)
    for doublings in range(1, 12):
        flight.repeated(one)
        assert wait_of(flight, one) == pytest.approx(min(MIN_TIMEOUT_S * 2**doublings, MAX_TIMEOUT_S), abs=0.05)
    flight.postpone(one)  # the board asked for more of it: the line lives
    assert wait_of(flight, one) == pytest.approx(MIN_TIMEOUT_S, abs=0.05)
    flight.repeated(one)
    flight.finish(20)  # which of the questions was answered is not known: no time is learned from it
    last = image(22)
    flight.add(last)
    assert wait_of(flight, last) == pytest.approx(MIN_TIMEOUT_S, abs=0.05)


def test_an_image_whose_chunks_were_lost_still_tells_the_boards_speed() -> None:
    flight, one = settled(), image(30)
    one.since_s -= 60  # it took a minute in all, but the latest question was answered at once
    one.attempts = 5
    flight.add(one)
    flight.finish(30)
    following = image(31)
    flight.add(following)
    assert wait_of(flight, following) == pytest.approx(MIN_TIMEOUT_S, abs=0.05)
