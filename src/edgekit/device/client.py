"""The host's side of the protocol: HELLO until it is answered, images in, raw outputs out, nothing lost.

In: a `Link`. Out: the device's `Info`, `Outcome`s, counts of what the line cost. What went wrong is said in one
EdgekitError, other firmware recognised by its boot log among it.
"""

import itertools
import secrets
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from edgekit.device.diagnosis import diagnose, other_version, refusal, unanswered, watch_restart
from edgekit.device.link import Link
from edgekit.device.protocol import messages
from edgekit.device.protocol.codes import ErrorCode
from edgekit.device.protocol.frames import MAX_LINE_BYTES, VERSION, Decoder, Frame, WireError
from edgekit.device.protocol.message import Message
from edgekit.device.retransmit import SILENCE_LIMIT_S, InFlight, Pending
from edgekit.errors import EdgekitError
from edgekit.values.device_run import LinkCounts

HELLO_EVERY_S = 0.25
ASK_EVERY_S = 0.5
HELLO_LIMIT_S = 6.0  # a board boots in about one; a slow USB hub takes its time
ELSEWHERE_LIMIT_S = 0.75
HELLO_AND_INFO_BYTES = MAX_LINE_BYTES + 16  # on the line
LABELS_LIMIT_S = 20.0  # of all pieces, besides their time on the line
ECHO_ENDS_S = 1.1  # a raw echo that was left open ends with a second of silence
RETRY_LIMIT = 100  # of one image: at one bad byte in 1,000 an image of 9,216 bytes needs three or four

_Answer = TypeVar("_Answer", bound=Message)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One input as the device saw it. `outputs` are the bytes of all outputs in one buffer (values/buffer.py)."""

    key: str
    outputs: bytes
    invoke_us: int


class Client:
    """A conversation with one device over an open link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.counts = LinkCounts()
        self._decoder = Decoder()
        self._sequence = itertools.count(1)
        self._echoed = False  # HELLO came back
        self._through_s = 0.0  # when all that was written is through the line, at the rate that it has

    @cached_property
    def info(self) -> messages.Info:
        """The device's identity, asked for where that has not been done."""
        return self.hello()

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What the firmware calls the answers; empty where it does not say. Raises EdgekitError: no answer, pieces that
        come too slowly, or another number of names than of outputs."""
        text, whole = bytearray(), self.info.label_bytes
        end_s = time.monotonic() + LABELS_LIMIT_S + self.link.line_s(2 * whole)
        while len(text) < whole:
            answer = self.ask(messages.AskLabels(len(text)), messages.Labels)
            is_whole = len(answer.text) == min(whole - len(text), messages.LABEL_BYTES_A_FRAME)
            if answer.offset != len(text) or not is_whole or time.monotonic() > end_s:
                raise self._senseless("its labels make no sense, or come too slowly")
            text += answer.text
        *labels, rest = bytes(text).decode(errors="replace").split("\0")
        if rest or (whole and len(labels) != self.info.values):
            raise self._senseless(f"it has {len(labels)} labels for {self.info.values} outputs")
        return tuple(labels)

    def hello(self, limit_s: float = HELLO_LIMIT_S, elsewhere: Iterable[int] = ()) -> messages.Info:
        """Asks who is there until it is answered: opening a port resets most boards.

        `elsewhere`: rates to try where nothing was heard: not every board is reset by its port, and one that an
        earlier run left at a higher rate does not understand this one.
        Raises EdgekitError: no answer, another protocol version, other firmware.
        """
        info = self._greet(limit_s)
        for baud in elsewhere:
            if info is not None or diagnose(self._decoder.unframed()) is not None:
                break
            self.link.set_baud(baud)
            info = self._greet(ELSEWHERE_LIMIT_S)
        if info is not None:
            return info
        raise unanswered(self.link.name, self._decoder.unframed(), self._echoed)

    def _greet(self, limit_s: float) -> messages.Info | None:
        hello = messages.Hello(secrets.randbits(32))
        there_and_back_s = self.link.line_s(HELLO_AND_INFO_BYTES)
        limit = time.monotonic() + limit_s + there_and_back_s
        while time.monotonic() < limit:
            self._send(hello)
            self._echoed = False
            for frame in self._frames_for(HELLO_EVERY_S + there_and_back_s):
                self._echoed |= frame.type == messages.Hello.TYPE
                info = self._info_of(frame)
                if info is not None and info.nonce == hello.nonce:
                    self.info = info
                    self._decoder.noise.clear()
                    self._decoder.dropped = 0  # what came before was the boot
                    return info
            if self._echoed:  # a throughput test was cut off, and would swallow every further HELLO, too
                list(self._frames_for(ECHO_ENDS_S))
        return None

    def negotiate(self, baud: int) -> int:
        """Asks for another rate; returns the rate that holds, which is the old one where the new did not work.
        Raises EdgekitError: the device refuses the rate, or is lost between the two."""
        info = self.info
        if info.baud == baud:
            return baud
        self.ask(messages.SetBaud(baud), messages.Baud)
        self.link.set_baud(baud)
        whole = bytes(range(min(200, baud // 100)))  # a slow line takes long over 200 bytes, and the trial is short
        if any(self.ping(whole, 0.3) for _ in range(3)):
            self.info = replace(info, baud=baud)
            return baud
        self.counts.retries += 1
        self.link.set_baud(info.baud)
        time.sleep(messages.BAUD_TRIAL_MS / 1000 - 0.5)
        try:
            self.hello(3.0)
        except EdgekitError:  # the device took the new rate, and only its answers were lost
            self.link.set_baud(baud)
            self.hello()
            return baud
        return info.baud

    def infer(self, images: Iterable[tuple[str, bytes]]) -> Iterator[Outcome]:
        """Runs inputs, each a key and its bytes in one buffer (values/buffer.py); outcomes come as they finish. The
        next travels while the present one runs. Raises EdgekitError: refusal, too many retries, a restart, silence."""
        info = self.info
        if info.model_error != ErrorCode.OK:
            raise refusal(messages.Error(info.model_error, info.error_detail), info)
        depth = 2 if messages.framed_bytes(info.input_bytes) <= info.window_bytes else 1
        source = iter(images)
        flight = InFlight()
        while True:
            while len(flight.pending) < depth and (item := next(source, None)) is not None:
                flight.add(self._begin(*item, info, flight.pending))
            if not flight.pending:
                return
            frames = self._receive(flight.wake_s())
            watch_restart(self.link.name, self._decoder.unframed())
            if flight.silent(bool(frames)):
                raise EdgekitError(
                    f"The board at {self.link.name} vanished: no answer for {SILENCE_LIMIT_S:.0f} s.",
                    "Check cable and power, then run the command again (eval-device with --resume).",
                )
            for frame in frames:
                one = flight.pending.get(frame.seq)
                outcome = None if one is None else self._advance(frame, one, info, flight)
                if outcome is not None:
                    flight.finish(frame.seq)
                    yield outcome
            if (late := flight.given_up()) is not None:
                raise self._lost(late, f"{time.monotonic() - late.since_s:.0f} s")
            for one in flight.overdue():
                self._again(one, b"")
                flight.repeated(one)

    def _begin(self, key: str, image: bytes, info: messages.Info, pending: Mapping[int, Pending]) -> Pending:
        if len(image) != info.input_bytes:
            raise EdgekitError(
                f"{key} has {len(image)} bytes, but the model on the board takes {info.input_bytes} "
                f"({' and '.join(map(str, info.input_tensors))}).",
                "Give the model that is on the board with --model, or flash the one that you mean.",
            )
        # the device has one slot for odd and one for even numbers
        seq = next(number for number in self._sequence if all((number ^ other) & 1 for other in pending)) & 0xFFFF
        line_s = self.link.line_s(messages.framed_bytes(len(image)) + messages.answer_bytes(info.output_bytes))
        one = Pending(key, seq, image, zlib.crc32(image), time.monotonic(), line_s)
        self._upload(one, range(messages.chunks_of(len(image))))
        return one

    def _advance(self, frame: Frame, one: Pending, info: messages.Info, flight: InFlight) -> Outcome | None:
        message = _understood(frame)
        if isinstance(message, messages.Error):
            raise refusal(message, info)
        if not isinstance(message, messages.Missing | messages.Result):
            return None  # nothing that this image is waiting for
        if isinstance(message, messages.Missing):
            self._again(one, message.chunks)
        elif message.input_crc == one.crc and message.is_part_of(info.output_bytes):
            if (outputs := one.gathered(message.offset, message.outputs, info.output_bytes)) is not None:
                return Outcome(one.key, outputs, message.invoke_us)
        else:
            self._again(one, b"")
        flight.postpone(one)
        return None

    def _lost(self, one: Pending, after: str) -> EdgekitError:
        return EdgekitError(
            f"{one.key} did not reach the board at {self.link.name} whole, or was not answered, in {after}.",
            "Use a shorter cable or a lower --baud, then run the command again (eval-device with --resume).",
        )

    def _again(self, one: Pending, missing: bytes) -> None:
        """Sends what the chunk map says is missing, and the question once more."""
        one.attempts += 1
        if one.attempts > RETRY_LIMIT:
            raise self._lost(one, f"{RETRY_LIMIT} attempts")
        held = min(8 * len(missing), messages.chunks_of(len(one.image)))
        chunks = [chunk for chunk in range(held) if missing[chunk // 8] >> chunk % 8 & 1]
        self.counts.retries += len(chunks) + 1
        self.counts.lost_chunks += len(chunks)
        self._upload(one, chunks)

    def _upload(self, one: Pending, chunks: Iterable[int]) -> None:
        line, question = bytearray(), messages.encode(messages.Infer(len(one.image), one.crc), one.seq)
        for at in (chunk * messages.CHUNK_BYTES for chunk in chunks):
            line += messages.encode(messages.Data(at, one.image[at : at + messages.CHUNK_BYTES]), one.seq)
        line += question
        self._write(bytes(line))
        # much of it may be in a buffer yet
        one.asked_s = max(time.monotonic(), self._through_s if self.link.has_rate else 0.0)
        if line != question:  # a question alone is no reason to wait longer for a silent board
            one.through_s = self._through_s

    def _info_of(self, frame: Frame) -> messages.Info | None:
        try:
            message = messages.message_of(frame)
        except WireError as error:
            if frame.version == VERSION:
                raise self._senseless(str(error)) from error
            raise other_version(self.link.name, frame.version) from error
        if isinstance(message, messages.Error) and message.code == ErrorCode.BAD_VERSION:
            raise other_version(self.link.name, message.detail)
        if not isinstance(message, messages.Info):
            return None
        if faults := message.faults():
            raise self._senseless(f"its INFO makes no sense: {', '.join(faults)}")
        return message

    def _senseless(self, what: str) -> EdgekitError:
        return EdgekitError(f"{self.link.name}: {what}.", "Flash the firmware of this edgekit.")

    def ask(self, question: Message, kind: type[_Answer], limit_s: float = 3.0) -> _Answer:
        """Sends a question until it is answered by a message of `kind`.
        Raises EdgekitError: a refusal, or no answer."""
        there_and_back_s = self.link.line_s(2 * MAX_LINE_BYTES)
        limit = time.monotonic() + limit_s + there_and_back_s
        seq = next(self._sequence) & 0xFFFF
        while time.monotonic() < limit:
            self._send(question, seq)
            for frame in self._frames_for(ASK_EVERY_S + there_and_back_s):
                message = _understood(frame) if frame.seq == seq else None
                if isinstance(message, messages.Error):
                    raise refusal(message, self.info)
                if isinstance(message, kind):
                    return message
            self.counts.retries += 1
        raise EdgekitError(f"The board at {self.link.name} no longer answers.", "Press EN (reset) and try again.")

    def ping(self, data: bytes, timeout_s: float = 2.0) -> bool:
        """Whether `data` (at most MAX_PAYLOAD_BYTES) comes back whole."""
        seq = next(self._sequence) & 0xFFFF
        self._send(messages.Ping(data), seq)
        timeout_s += self.link.line_s(2 * len(data) + 32)
        answer = Frame(VERSION, messages.Pong.TYPE, seq, data)
        return any(frame == answer for frame in self._frames_for(timeout_s))

    def _send(self, message: Message, seq: int = 0) -> None:
        self._write(messages.encode(message, seq))

    def _write(self, data: bytes) -> None:
        self.counts.sent_bytes += len(data)
        begin = time.monotonic()
        self.link.write(data)
        # a rate that is only assumed is not summed up: the line may be much faster
        self._through_s = max(begin, self._through_s if self.link.has_rate else 0.0) + self.link.line_s(len(data))

    def _frames_for(self, duration_s: float) -> Iterator[Frame]:
        until_s = time.monotonic() + duration_s
        while time.monotonic() < until_s:
            yield from self._receive(until_s)

    def _receive(self, until_s: float) -> list[Frame]:
        data = self.link.read(max(0.0, until_s - time.monotonic()))
        self.counts.received_bytes += len(data)
        frames = self._decoder.feed(data)
        self.counts.broken_frames = self._decoder.dropped
        return frames


def _understood(frame: Frame) -> Message | None:
    try:
        return messages.message_of(frame)
    except WireError:
        return None
