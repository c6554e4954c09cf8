"""What a person with a board runs once: golden inputs, byte-exactness, timing, arena, the line.

In: a `Client` and the model. Out: `Check`s, each of which passed or says what it found.
"""

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.device.client import Client
from edgekit.device.connection import device_json
from edgekit.device.protocol import messages
from edgekit.device.protocol.messages import BoardKind
from edgekit.errors import EdgekitError
from edgekit.report.document import Column, Table
from edgekit.runtimes import tflm
from edgekit.runtimes.runtime import run_each
from edgekit.values.codec import to_json
from edgekit.values.model import TfliteModel

RANDOM_IMAGES = 12
IN_FLIGHT_BYTES = 2048  # of the throughput test


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    passed: bool
    found: str


def golden_images(height: int, width: int, channels: int = 1) -> NDArray[np.uint8]:
    """uint8 [N, height, width, channels], all channels equal: black, white, grey, ramps, a chessboard, single pixels,
    noise. The same for ever."""
    y, x = np.mgrid[0:height, 0:width]
    corner = np.zeros((height, width), int)
    corner[0, 0] = corner[-1, -1] = 255
    even = [np.full((height, width), value) for value in (0, 255, 128)]
    drawn = [x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), (x + y) % 2 * 255, corner]
    # an LCG rather than numpy's generator, whose stream may change with its version
    state, noise = 2026, []
    for _ in range(RANDOM_IMAGES * height * width):
        state = (1664525 * state + 1013904223) & 0xFFFFFFFF
        noise.append(state >> 24)
    random = np.array(noise).reshape(RANDOM_IMAGES, height, width)
    images = np.concatenate([np.stack(even + drawn), random]).astype(np.uint8)
    return np.repeat(images[..., np.newaxis], channels, 3)


def selftest(client: Client, model: TfliteModel) -> tuple[Check, ...]:
    """Runs every check that needs a running board. The model on it has been compared already (`connected`).
    Raises EdgekitError: the board stops answering."""
    info = client.info
    images = golden_images(info.height, info.width, info.channels)
    inputs_q = (images.astype(np.int16) - 128).astype(np.int8)  # every int8 value, whatever the model takes pixels for
    expected = run_each(tflm.infer_of(model), inputs_q[:, np.newaxis], None)
    inputs = [image_q.tobytes() for image_q in inputs_q]
    checks = [Check("arena", info.arena_bytes > 0, f"{info.arena_bytes:,} bytes in use")]
    if info.ram_bytes:
        found = f"{info.ram_bytes:,} bytes of RAM, {info.flash_bytes:,} of flash"
        checks.append(Check("memory", info.arena_bytes <= info.ram_bytes, found))
    outcomes = list(client.infer((str(row), data) for row, data in enumerate(inputs)))
    wrong = [o.key for o in outcomes if o.outputs != expected[int(o.key)].tobytes()]
    found = f"{len(outcomes) - len(wrong)} of {len(images)} golden inputs give the desktop's bytes"
    checks.append(Check("byte-exact", not wrong and len(outcomes) == len(images), found))
    again = list(client.infer(itertools.repeat(("again", inputs[-1]), 5)))
    steady = {o.outputs for o in again} == {expected[-1].tobytes()}
    checks.append(Check("repeatable", steady and len(again) == 5, "the same input five times"))
    times = sorted(o.invoke_us for o in outcomes)
    unit = "thousand instructions" if info.board == BoardKind.EMULATED else "us"
    found = f"p50 {times[len(times) // 2]:,}, min {times[0]:,}, max {times[-1]:,} {unit}"
    checks.append(Check("timing", times[0] > 0, found))
    raw, framed = line_rates(client)
    found = f"{framed:,.0f} payload bytes/s, {framed / raw:.0%} of the raw echo's {raw:,.0f}"
    checks.append(Check("line", framed / raw >= 0.9, found))
    line = client.counts
    repeated = line.retries - line.lost_chunks  # no loss: this computer was too busy to hear the answer in time
    found = f"{line.lost_chunks} chunks lost, {line.broken_frames} broken frames, {repeated} questions asked again"
    checks.append(Check("nothing lost", line.lost_chunks == line.broken_frames == 0, found))
    return tuple(checks)


def selftest_json(client: Client, checks: Sequence[Check]) -> dict[str, Any]:
    """What `edgekit selftest --json` prints."""
    device = device_json(client.info)
    return {"passed": all(check.passed for check in checks), "device": device, "checks": to_json(checks)}


def checks_table(device: Mapping[str, Any], checks: Sequence[Check]) -> Table:
    """The checks, a row each; `device` as `device_json` gives it."""
    rows = tuple(("ok" if check.passed else "FAILED", check.name, check.found) for check in checks)
    title = f"Self-test of {device['chip']} ({device['board']}, {device['backend']})"
    return Table(title, tuple(Column(heading, "left") for heading in ("", "check", "found")), rows)


def line_rates(client: Client, payload_bytes: int = 24_000, rounds: int = 3) -> tuple[float, float]:
    """Payload bytes per second there and back, of a raw echo and in frames, with as many bytes in flight.

    Sends `payload_bytes` (rounded up to whole frames) in turns; the best round of each counts, because whatever else
    the computer does can only slow one down. Raises EdgekitError: no answer, or the line loses bytes.
    """
    chunks = -(-payload_bytes // messages.CHUNK_BYTES)
    # no zeros and no printable text: nothing that either end could take for a frame or a command
    payload = bytes(128 + (i * 37 & 127) for i in range(chunks * messages.CHUNK_BYTES))
    parts = [payload[at : at + messages.CHUNK_BYTES] for at in range(0, len(payload), messages.CHUNK_BYTES)]
    # a PONG is exactly as long as its PING
    pings, pongs = (
        b"".join(messages.encode(kind(part), seq) for seq, part in enumerate(parts))
        for kind in (messages.Ping, messages.Pong)
    )
    raw, framed = [], []
    for _ in range(rounds):
        client.ask(messages.RawEcho(len(payload)), messages.EchoReady)
        raw.append(_round_trip_s(client, payload, payload))
        framed.append(_round_trip_s(client, pings, pongs))
    return len(payload) / min(raw), len(payload) / min(framed)


def _round_trip_s(client: Client, line: bytes, answer: bytes) -> float:
    """The time until `answer`, which is as long as `line`, is back."""
    sent, back = 0, bytearray()
    begin = heard_s = time.monotonic()
    while len(back) < len(line) and time.monotonic() - heard_s <= 3:
        if portion := line[sent : len(back) + IN_FLIGHT_BYTES]:
            client.link.write(portion)
            sent += len(portion)
        if data := client.link.read(0.5):
            heard_s = time.monotonic()
        back += data
    if back != answer:
        raise EdgekitError(
            f"The line to {client.link.name} lost bytes, so its rate cannot be measured.",
            "Use a shorter cable or a lower --baud.",
        )
    return heard_s - begin
