"""What a person with a board runs once: golden inputs, byte-exactness, timing, arena, the line.

In: a `Client` and the model. Out: `Check`s, each of which passed or says what it found.
"""

import itertools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgekit.compile.reference import reference
from edgekit.device.client import Client
from edgekit.device.connection import device_json
from edgekit.device.diagnosis import stored_refusal
from edgekit.device.protocol import messages
from edgekit.device.protocol.codes import BoardKind, Decision, ErrorCode
from edgekit.device.protocol.messages import Info
from edgekit.device.retransmit import SILENCE_LIMIT_S
from edgekit.errors import EdgekitError, printable
from edgekit.report.document import Column, Table
from edgekit.runtimes.tflm import TFLM
from edgekit.values.buffer import buffer_bytes
from edgekit.values.codec import to_json
from edgekit.values.device_run import board_name, model_name
from edgekit.values.model import TfliteModel
from edgekit.values.tensors import packed, unpacked

RANDOM_IMAGES = 12
_NAMED = 12  # of the labels
IN_FLIGHT_BYTES = 2048  # of the throughput test
ROUNDS, MOST_ROUNDS = 3, 10  # of it; more than the first where a busy computer has spoiled them
SLOWEST_BAUD = 1200
ROUND_LIMIT_S = 20.0  # of some two seconds' bytes there and back
LINE_LIMIT_S = 30.0  # of all rounds, but where a slow line needs twice as long for the first of them
LEAST_SHARE = 0.9  # of the raw echo's rate is the payload's


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    passed: bool
    found: str


_HOSTED = (BoardKind.NATIVE, BoardKind.EMULATED)


class _SilentError(EdgekitError):
    """The line fell silent before all bytes were back."""


def golden_images(height: int, width: int) -> NDArray[np.uint8]:
    """uint8 [N, height, width]: black, white, grey, ramps, a chessboard, single pixels, noise. The same for ever."""
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
    images: NDArray[np.uint8] = np.concatenate([np.stack(even + drawn), random]).astype(np.uint8)
    return images


def golden_inputs(model: TfliteModel) -> NDArray[Any]:
    """Values [N, ...] of a model's inputs, every value of them, whatever the model takes them for. An int8 image of one
    channel is drawn by `golden_images`; other channels are other pictures, so that an exchange of two shows. What is no
    image is drawn as a picture one pixel high, of its bytes."""
    specs, shape = model.input_specs, model.input_shape
    if specs[0].type != "INT8" or len(shape) != 3:
        shape = (1, buffer_bytes([spec.size_bytes for spec in specs]), 1)
    height, width, channels = shape
    drawn = golden_images(height, width) ^ 0x80  # black is the least int8
    images = np.stack([np.roll(drawn, channel, 0) for channel in range(channels)], -1)
    values = [unpacked(specs, image.tobytes()) for image in images]
    return np.asarray(np.stack(values).reshape(-1, *model.input_shape))


def selftest(client: Client, model: TfliteModel) -> tuple[Check, ...]:
    """Runs every check that needs a running board. The model on it has been compared already (`connected`).
    A board that refuses or stops answering ends them with a check that failed; those before it are kept."""
    checks = []
    try:
        for check in _checks(client, model):
            checks.append(check)
    except EdgekitError as error:
        checks.append(Check("finished", False, _sentence(error)))
    return tuple(checks)


def _checks(client: Client, model: TfliteModel) -> Iterator[Check]:
    info = client.info
    values = golden_inputs(model)
    by = reference(model)
    expected = [packed(model.output_specs, answer) for answer in by.run(model, values)]
    inputs = [packed(model.input_specs, each) for each in values]
    stored = info.stored_error != ErrorCode.OK
    found = stored_refusal(info).message if stored else model_name(device_json(info))
    yield Check("model", not stored, found)
    yield Check("answers", True, _answers(info, client.labels))
    yield Check("arena", info.arena_bytes > 0, f"{info.arena_bytes:,} bytes in use")
    if info.ram_bytes:
        found = f"{info.ram_bytes:,} bytes of RAM, {info.flash_bytes:,} of flash"
        yield Check("memory", info.arena_bytes <= info.ram_bytes, found)
    outcomes = list(client.infer((str(row), data) for row, data in enumerate(inputs)))
    wrong = [o.key for o in outcomes if o.outputs != expected[int(o.key)]]
    found = (
        f"{len(outcomes) - len(wrong)} of {len(inputs)} golden inputs give the desktop's bytes"
        + f", of {by.name}" * (by is not TFLM)
    )
    yield Check("byte-exact", not wrong and len(outcomes) == len(inputs), found)
    times = sorted(o.invoke_us for o in outcomes)
    unit = "thousand instructions" if info.board == BoardKind.EMULATED else "us"
    found = f"p50 {times[len(times) // 2]:,}, min {times[0]:,}, max {times[-1]:,} {unit}"
    if not info.has_clock:
        found = "none: the emulated chip's clock is this computer's"
    yield Check("timing", times[0] > 0 or info.board in _HOSTED, found)  # the least models take less than one there
    again = list(client.infer(itertools.repeat(("again", inputs[-1]), 5)))
    steady = {o.outputs for o in again} == {expected[-1]}
    yield Check("repeatable", steady and len(again) == 5, "the same input five times")
    yield line_check(client)
    line = client.counts
    repeated = line.retries - line.lost_chunks  # no loss: this computer was too busy to hear the answer in time
    found = f"{line.lost_chunks} chunks lost, {line.broken_frames} broken frames, {repeated} questions asked again"
    yield Check("nothing lost", line.lost_chunks == line.broken_frames == 0, found)


def _answers(info: Info, labels: tuple[str, ...]) -> str:
    """What the firmware says of its outputs."""
    named = ", ".join(map(printable, labels[:_NAMED])) + ", ..." * (len(labels) > _NAMED)
    if info.decision == Decision.THRESHOLD:
        how = f"output {info.positive} where it is above the other by {info.margin_q} or more"
    else:
        how = "the greatest output counts" if info.decision == Decision.ARGMAX else "what they mean it does not say"
    return f"{info.values:,} outputs{f' ({named})' if named else ''}; {how}"


def line_check(client: Client) -> Check:
    """Whether bytes come back whole, and on a real board whether frames leave enough of the rate to them: of a hosted
    board the rates are this computer's."""
    hosted = client.info.board in _HOSTED
    baud = max(client.info.baud, SLOWEST_BAUD)
    payload_bytes = min(max(baud // 5 // messages.CHUNK_BYTES, 4), 100) * messages.CHUNK_BYTES  # of some two seconds
    raw_s, framed_s, repeated = float("inf"), float("inf"), 0
    until_s = time.monotonic() + max(LINE_LIMIT_S, 2 * ROUNDS * 2 * 10 * payload_bytes / baud)  # 10 bits a byte
    try:
        for done in range(MOST_ROUNDS):
            if done >= ROUNDS and (hosted or raw_s >= LEAST_SHARE * framed_s):
                break
            try:
                # the best of each counts: whatever else the computer does can only slow one down
                raw_s, framed_s = map(min, (raw_s, framed_s), round_trips_s(client, payload_bytes, until_s))
            except _SilentError:  # once may be a pause of a busy computer
                if (late := time.monotonic() >= until_s) and raw_s < float("inf"):
                    break
                repeated += 1
                if late or repeated > 1:
                    raise
    except EdgekitError as error:
        return Check("line", False, _sentence(error))
    raw, framed = payload_bytes / raw_s, payload_bytes / framed_s
    found = f"{framed:,.0f} payload bytes/s, {framed / raw:.0%} of the raw echo's {raw:,.0f}"
    found += " (this computer's rates)" * hosted + ", one round repeated" * repeated
    return Check("line", hosted or framed / raw >= LEAST_SHARE, found)


def _sentence(error: EdgekitError) -> str:
    return f"{error.message} {error.hint}"


def selftest_json(client: Client, checks: Sequence[Check]) -> dict[str, Any]:
    """What `edgekit selftest --json` prints."""
    device = device_json(client.info, client.labels)
    return {"passed": all(check.passed for check in checks), "device": device, "checks": to_json(checks)}


def checks_table(device: Mapping[str, Any], checks: Sequence[Check]) -> Table:
    """The checks, a row each; `device` as `device_json` gives it."""
    rows = tuple(("ok" if check.passed else "FAILED", check.name, check.found) for check in checks)
    title = f"Self-test of {board_name(device)} ({device['board']}, {device['backend']})"
    return Table(title, tuple(Column(heading, "left") for heading in ("", "check", "found")), rows)


def round_trips_s(client: Client, payload_bytes: int, until_s: float = math.inf) -> tuple[float, float]:
    """Seconds that so many bytes (whole chunks) take there and back: in a raw echo and in frames, with as many in
    flight. Raises EdgekitError: no answer, silence, bytes that come back as others, `until_s` (monotonic) has come."""
    chunks = payload_bytes // messages.CHUNK_BYTES
    # no zeros and no printable text: nothing that either end could take for a frame or a command
    payload = bytes(128 + (i * 37 & 127) for i in range(chunks * messages.CHUNK_BYTES))
    parts = [payload[at : at + messages.CHUNK_BYTES] for at in range(0, len(payload), messages.CHUNK_BYTES)]
    # a PONG is exactly as long as its PING
    pings, pongs = (
        b"".join(messages.encode(kind(part), seq) for seq, part in enumerate(parts))
        for kind in (messages.Ping, messages.Pong)
    )
    for _ in range(20):  # what a round that fell silent has left
        if not client.link.read(0.05):
            break
    client.ask(messages.RawEcho(len(payload)), messages.EchoReady)
    return _round_trip_s(client, payload, payload, until_s), _round_trip_s(client, pings, pongs, until_s)


def _round_trip_s(client: Client, line: bytes, answer: bytes, until_s: float) -> float:
    """The time until `answer`, which is as long as `line`, is back."""
    sent, back = 0, bytearray()
    silence_s = SILENCE_LIMIT_S + 10 * IN_FLIGHT_BYTES / max(client.info.baud, SLOWEST_BAUD)  # 10 bits a byte
    begin = heard_s = time.monotonic()
    until_s = min(until_s, begin + ROUND_LIMIT_S)
    while len(back) < len(line) and time.monotonic() <= min(heard_s + silence_s, until_s):
        if portion := line[sent : len(back) + IN_FLIGHT_BYTES]:
            client.link.write(portion)
            sent += len(portion)
        if data := client.link.read(0.5):
            heard_s = time.monotonic()
        back += data
    if len(back) < len(line):
        raise _SilentError(
            f"{len(back):,} of {len(line):,} bytes came back in {time.monotonic() - begin:.0f} s from "
            f"{client.link.name}, so its rate cannot be measured.",
            "Bytes were lost, or the line paused for over a second, which ends the echo. Use a shorter cable or a "
            "lower --baud.",
        )
    if back != answer:
        raise EdgekitError(
            f"The line to {client.link.name} changed bytes, so its rate cannot be measured.",
            "Use a shorter cable or a lower --baud.",
        )
    return heard_s - begin
