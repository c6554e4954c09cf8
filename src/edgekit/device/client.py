"""The host's half of the conversation: HELLO until it is answered, images in, raw outputs out, nothing lost.

In: a `Link`. Out: the device's `Info`, `Outcome`s, counts of what the line cost. What went wrong is said in one
EdgekitError, other firmware recognised by its boot log among it.
"""

import itertools
import secrets
import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from edgekit import wire
from edgekit.device.link import Link
from edgekit.errors import EdgekitError
from edgekit.wire import ErrorCode

HELLO_EVERY_S = 0.25
HELLO_LIMIT_S = 6.0  # a board boots in about one; a slow USB hub takes its time
SILENCE_LIMIT_S = 8.0  # the message that the board has vanished comes within 10 s
RETRY_LIMIT = 100  # of one image: at one bad byte in 1,000 an image of 9,216 bytes needs three or four
_GREETING = b"m-init-done"  # what the firmware prints once, at its start


_Answer = TypeVar("_Answer", bound=wire.Message)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One image as the device saw it. `outputs` are raw int8 bytes."""

    key: str
    outputs: bytes
    invoke_us: int


@dataclass(slots=True)
class LinkCounts:
    """What the line cost: bytes in both directions, broken frames received, and whatever was sent once more."""

    sent_bytes: int = 0
    received_bytes: int = 0
    broken_frames: int = 0
    retries: int = 0


@dataclass(slots=True)
class _Pending:
    key: str
    seq: int
    image: bytes
    crc: int
    deadline_s: float
    since_s: float
    attempts: int = 0


def diagnose(noise: bytes) -> tuple[str, str] | None:
    """What unframed bytes tell about the board: (message, hint), or None for nothing known."""
    text = noise.decode("ascii", errors="replace")
    if "Guru Meditation" in text:
        line = next(line for line in text.splitlines() if "Guru Meditation" in line).strip()
        return f"The board's firmware crashed: {line}", "Flash it again: pio run -d firmware -t upload."
    if "Brownout" in text:
        return "The board reports a brownout.", "Use a better USB cable or power supply."
    if "waiting for download" in text or "DOWNLOAD_BOOT" in text:
        return "The board waits in its bootloader.", "Release BOOT and press EN (reset), then try again."
    if "invalid header" in text or "flash read err" in text:
        return "The board's flash holds no firmware.", "Flash it: pio run -d firmware -t upload."
    printable = sum(0x20 <= byte < 0x7F or byte in b"\r\n\t\x1b" for byte in noise)
    if len(noise) >= 16 and printable < 0.7 * len(noise):
        return (
            "The board sends bytes that make no sense at this baud rate.",
            "Press EN (reset) so that it starts at 115200 baud, or flash edgekit's firmware.",
        )
    if _GREETING.decode() not in text and len(noise) >= 16:
        line = max(text.replace("\ufffd", "").splitlines(), key=len, default="").strip()
        return f"The board runs other firmware; it says: {line[:80]!r}", "Flash edgekit's: pio run -d firmware -t upload."
    return None


class Client:
    """A conversation with one device over an open link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.counts = LinkCounts()
        self.info: wire.Info | None = None
        self._decoder = wire.Decoder()
        self._sequence = itertools.count(1)

    def hello(self, limit_s: float = HELLO_LIMIT_S) -> wire.Info:
        """Asks who is there until it is answered: opening a port resets most boards.

        Raises:
            EdgekitError: no answer, another protocol version, other firmware.
        """
        nonce = secrets.randbits(32)
        limit = time.monotonic() + limit_s
        while time.monotonic() < limit:
            self._send(wire.Hello(nonce))
            until = time.monotonic() + HELLO_EVERY_S
            while time.monotonic() < until:
                for frame in self._receive(until):
                    info = self._info_of(frame)
                    if info is not None and info.nonce == nonce:
                        self.info = info
                        self._decoder.noise.clear()
                        self._decoder.dropped = 0  # what came before was the boot
                        return info
        name = self.link.name
        message, hint = diagnose(self._decoder.unframed()) or (
            f"Nothing answers at {name}.",
            "Check that the board carries edgekit's firmware (pio run -d firmware -t upload) and press EN (reset).",
        )
        raise EdgekitError(message if name in message else f"{name}: {message}", hint)

    def negotiate(self, baud: int) -> int:
        """Asks for another rate; returns the rate that holds, which is the old one where the new did not work.

        Raises:
            EdgekitError: the device refuses the rate, or is lost between the two.
        """
        info = self.info or self.hello()
        if info.baud == baud:
            return baud
        self.ask(wire.SetBaud(baud), wire.Baud)
        self.link.set_baud(baud)
        for _ in range(3):
            if self._pings(bytes(range(200)), 0.3):
                return baud
        self.counts.retries += 1
        self.link.set_baud(info.baud)
        time.sleep(wire.BAUD_TRIAL_MS / 1000 - 0.5)
        try:
            self.hello(3.0)
        except EdgekitError:  # the device heard us and took the new rate, only its answers were lost
            self.link.set_baud(baud)
            self.hello()
            return baud
        return info.baud

    def infer(self, images: Iterable[tuple[str, bytes]]) -> Iterator[Outcome]:
        """Runs images; outcomes come as they finish. The next image travels while the present one runs.

        Args:
            images: (key, int8 bytes of one input).

        Raises:
            EdgekitError: a refusal of the device, too many retries, a restart, silence.
        """
        info = self.info or self.hello()
        self._check_model(info)
        framed_bytes = info.input_bytes * (wire.CHUNK_BYTES + 15) // wire.CHUNK_BYTES + 64
        depth = 2 if framed_bytes <= info.window_bytes else 1
        source = iter(images)
        pending: dict[int, _Pending] = {}
        slowest_s, heard_s, more = 1.0, time.monotonic(), True
        while True:
            while more and len(pending) < depth:
                item = next(source, None)
                if item is None:
                    more = False
                    break
                if not pending:
                    heard_s = time.monotonic()  # the caller may have rested
                one = self._begin(*item, info)
                one.deadline_s += 2 * slowest_s * (1 + len(pending))
                pending[one.seq] = one
            if not pending:
                return
            wake_s = min(min(one.deadline_s for one in pending.values()), heard_s + SILENCE_LIMIT_S)
            frames = self._receive(wake_s)
            self._watch_restart()
            now = time.monotonic()
            if frames:
                heard_s = now
            elif now - heard_s >= SILENCE_LIMIT_S:
                raise EdgekitError(
                    f"The board at {self.link.name} vanished: no answer for {SILENCE_LIMIT_S:.0f} s.",
                    "Check cable and power, then run the command again with --resume.",
                )
            for frame in frames:
                outcome = self._advance(frame, pending)
                if outcome is not None:
                    one = pending.pop(frame.seq)
                    slowest_s = max(slowest_s * 0.9, now - one.since_s)
                    for other in pending.values():  # its turn begins now
                        other.since_s = now
                        other.deadline_s = max(other.deadline_s, now + 2 * slowest_s)
                    yield outcome
                elif frame.seq in pending:
                    pending[frame.seq].deadline_s = now + 2 * slowest_s
            for one in pending.values():
                if now >= one.deadline_s:
                    self._again(one, b"", info, now + 2 * slowest_s)

    def ping(self, data: bytes, timeout_s: float = 2.0) -> bool:
        """Whether `data` (at most MAX_PAYLOAD_BYTES) comes back whole."""
        return self._pings(data, timeout_s)

    def _begin(self, key: str, image: bytes, info: wire.Info) -> _Pending:
        if len(image) != info.input_bytes:
            raise EdgekitError(
                f"{key} has {len(image)} bytes, but the model on the board takes {info.input_bytes} "
                f"({info.height}x{info.width}x{info.channels}).",
                "Give the model that is on the board with --model, or flash the one that you mean.",
            )
        now = time.monotonic()
        one = _Pending(key, next(self._sequence) & 0xFFFF, image, zlib.crc32(image), now, now)
        offsets = range(0, len(image), wire.CHUNK_BYTES)
        frames = [wire.encode(wire.Data(at, image[at : at + wire.CHUNK_BYTES]), one.seq) for at in offsets]
        self._write(b"".join(frames) + wire.encode(wire.Infer(len(image), one.crc), one.seq))
        return one

    def _advance(self, frame: wire.Frame, pending: dict[int, _Pending]) -> Outcome | None:
        try:
            message = frame.message()
        except wire.WireError:
            return None
        one = pending.get(frame.seq)
        if one is None:
            return None
        info = self.info
        assert info is not None
        if isinstance(message, wire.Error):
            raise refusal(message, info)
        if isinstance(message, wire.Missing):
            self._again(one, message.chunks, info, one.deadline_s)
        elif isinstance(message, wire.Result):
            if message.input_crc == one.crc and len(message.outputs) == info.outputs:
                return Outcome(one.key, message.outputs, message.invoke_us)
            self._again(one, b"", info, one.deadline_s)
        return None

    def _again(self, one: _Pending, missing: bytes, info: wire.Info, deadline_s: float) -> None:
        one.attempts += 1
        one.deadline_s = deadline_s
        if one.attempts > RETRY_LIMIT:
            raise EdgekitError(
                f"{one.key} did not reach the board whole in {RETRY_LIMIT} attempts.",
                "Use a shorter cable or a lower --baud, then run the command again with --resume.",
            )
        frames = []
        for chunk in range(-(-info.input_bytes // wire.CHUNK_BYTES)):
            if chunk // 8 < len(missing) and missing[chunk // 8] >> chunk % 8 & 1:
                at = chunk * wire.CHUNK_BYTES
                frames.append(wire.encode(wire.Data(at, one.image[at : at + wire.CHUNK_BYTES]), one.seq))
        frames.append(wire.encode(wire.Infer(len(one.image), one.crc), one.seq))
        self.counts.retries += len(frames)
        self._write(b"".join(frames))

    def _check_model(self, info: wire.Info) -> None:
        if info.model_error != ErrorCode.OK:
            raise refusal(wire.Error(info.model_error, info.error_detail), info)

    def _info_of(self, frame: wire.Frame) -> wire.Info | None:
        try:
            message = frame.message()
        except wire.WireError as error:
            if frame.version == wire.VERSION:
                raise EdgekitError(f"{self.link.name}: {error}.", "Flash the firmware of this edgekit.") from error
            raise _other_version(self.link.name, frame.version) from error
        if isinstance(message, wire.Error) and message.code == ErrorCode.BAD_VERSION:
            raise _other_version(self.link.name, message.detail)
        return message if isinstance(message, wire.Info) else None

    def ask(self, question: wire.Message, kind: type[_Answer], limit_s: float = 3.0) -> _Answer:
        """Sends a question until it is answered by a message of `kind`.

        Raises:
            EdgekitError: a refusal, or no answer.
        """
        limit = time.monotonic() + limit_s
        seq = next(self._sequence) & 0xFFFF
        while time.monotonic() < limit:
            self._send(question, seq)
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                for frame in self._receive(until):
                    if frame.seq != seq:
                        continue
                    message = frame.message()
                    if isinstance(message, wire.Error):
                        assert self.info is not None
                        raise refusal(message, self.info)
                    if isinstance(message, kind):
                        return message
            self.counts.retries += 1
        raise EdgekitError(f"The board at {self.link.name} no longer answers.", "Press EN (reset) and try again.")

    def _pings(self, data: bytes, timeout_s: float) -> bool:
        seq = next(self._sequence) & 0xFFFF
        self._send(wire.Ping(data), seq)
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            for frame in self._receive(until):
                if frame.seq == seq and frame.type == wire.Pong.TYPE:
                    return frame.payload == data
        return False

    def _watch_restart(self) -> None:
        noise = self._decoder.unframed()
        if _GREETING not in noise and b"rst:0x" not in noise:
            return
        reason = diagnose(noise)
        raise EdgekitError(
            f"The board at {self.link.name} restarted in the middle." + (f" {reason[0]}" if reason else ""),
            "Check its power supply, then run the command again with --resume.",
        )

    def _send(self, message: wire.Message, seq: int = 0) -> None:
        self._write(wire.encode(message, seq))

    def _write(self, data: bytes) -> None:
        self.counts.sent_bytes += len(data)
        self.link.write(data)

    def _receive(self, until_s: float) -> list[wire.Frame]:
        data = self.link.read(max(0.0, until_s - time.monotonic()))
        self.counts.received_bytes += len(data)
        frames = self._decoder.feed(data)
        self.counts.broken_frames = self._decoder.dropped
        return frames


def refusal(error: wire.Error, info: wire.Info) -> EdgekitError:
    """The device's typed error as a sentence with what to do."""
    detail = error.detail
    flash = "Build and flash the firmware again: pio run -d firmware -t upload."
    said: dict[int, tuple[str, str]] = {
        ErrorCode.BAD_VERSION: (f"The board speaks protocol version {detail}.", flash),
        ErrorCode.NO_MODEL: ("The board's firmware holds no usable model.", f"Run `edgekit build-model`. {flash}"),
        ErrorCode.ARENA_TOO_SMALL: (
            f"The model needs more working memory than the {detail} bytes that the board could give.",
            "Build a model with a smaller image or fewer channels, or use the aot backend, which needs less.",
        ),
        ErrorCode.UNSUPPORTED_OP: (f"The firmware lacks the model's operator {detail}.", flash),
        ErrorCode.INVOKE_FAILED: (f"The interpreter on the board failed with status {detail}.", flash),
        ErrorCode.BAD_LENGTH: (f"The board expects {detail} bytes.", "Give the model that is on the board with --model."),
        ErrorCode.INPUT_TOO_LARGE: (
            f"The model's input is larger than the {detail} bytes that the board can hold.",
            "Build a model for a smaller image.",
        ),
        ErrorCode.BAD_BAUD: (f"The board does not run at that rate; it stays at {detail} baud.", "Give a lower --baud."),
        ErrorCode.BUSY: ("The board is busy with an image.", "Press EN (reset) and try again."),
    }
    name = ErrorCode(error.code).name if error.code in ErrorCode.__members__.values() else f"code {error.code}"
    message, hint = said.get(error.code, (f"The board refused: {name} ({detail}).", flash))
    return EdgekitError(f"{info.chip}: {message}", hint)


def _other_version(name: str, version: int) -> EdgekitError:
    return EdgekitError(
        f"The firmware at {name} speaks protocol version {version}, this edgekit {wire.VERSION}.",
        "Flash the firmware that belongs to this edgekit: pio run -d firmware -t upload.",
    )
