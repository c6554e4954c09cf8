"""The serial protocol's one definition: frames in and out, messages as values. No I/O, standard library only.

In: bytes as they came off the line, with whatever noise was between them. Out: frames that passed their CRC.
`firmware/lib/wire/src/wire/protocol.h` is generated from this module (tools/gen_protocol);
`firmware/PROTOCOL.md` tells the same story byte by byte.

A frame on the line is `00 COBS(body) 00`; a body is `version type seq(2) payload crc32(4)`, little-endian, at most
254 bytes, so that COBS adds exactly one. Frames are that short because a serial line damages bytes, not images: at
one bad byte in 1,000 a 252-byte frame survives three times out of four, a 9,216-byte one never.
"""

import struct
import typing
import zlib
from dataclasses import dataclass, field, fields
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Self

VERSION = 1  # stays below 0x20 for ever: that the second byte of a frame is unprintable tells frames from text
MAX_BODY_BYTES = 254
BODY_OVERHEAD_BYTES = 8  # version, type, seq, CRC
MAX_PAYLOAD_BYTES = MAX_BODY_BYTES - BODY_OVERHEAD_BYTES
CHUNK_BYTES = 240  # input bytes of one DATA frame; every chunk but the last is full
MAX_CHUNKS = 512  # the chunk map of one image: inputs up to 122,880 bytes
MAX_OUTPUT_BYTES = 64
STEPS_A_FRAME = 59  # steps of a profile that one STEPS frame holds
BAUD_TRIAL_MS = 1500  # a new baud rate is given up when no good frame came for so long
NOISE_BYTES = 4096  # how much of what was not a frame a decoder keeps for the reader of boot logs

U8 = Annotated[int, "B"]
U16 = Annotated[int, "H"]
I16 = Annotated[int, "h"]
U32 = Annotated[int, "I"]
Hash = Annotated[bytes, "32s"]
Text = Annotated[str, "16s"]  # UTF-8, zero-padded
Tail = Annotated[bytes, "tail"]  # the rest of the payload; last field only


class WireError(Exception):
    """A frame that passed its CRC and still makes no sense: unknown type, version or length."""


class ErrorCode(IntEnum):
    """Why a device refused. `detail` of the ERROR message is given in brackets."""

    OK = 0
    BAD_VERSION = 1  # [the device's protocol version]
    BAD_TYPE = 2  # [the type that it does not know]
    BAD_LENGTH = 3  # [the length that it expected]
    BAD_OFFSET = 4  # [the offset that it refused]
    NO_MODEL = 5  # the firmware holds no model, or its data is not a model of the known schema [schema version]
    ARENA_TOO_SMALL = 6  # [bytes that the device could give; the model needs more]
    UNSUPPORTED_OP = 7  # [built-in operator code]
    INVOKE_FAILED = 8  # the interpreter returned an error [its status]
    BUSY = 9  # an image is half loaded: finish it first [its sequence number]
    BAD_BAUD = 10  # [the rate that it keeps]
    INPUT_TOO_LARGE = 11  # [bytes that the device can hold]


class BoardKind(IntEnum):
    """What the firmware runs on."""

    REAL = 0
    EMULATED = 1
    NATIVE = 2


class Backend(IntEnum):
    """What runs the model."""

    AOT = 0
    TFLM = 1
    TFLM_ESP_NN = 2


@cache
def _layout(kind: int) -> tuple[struct.Struct, bool, tuple[int, ...]]:
    """Of a message type: the fixed fields as a struct, whether a tail follows, which of the fixed fields are text."""
    cls = _BY_TYPE[kind]
    hints = typing.get_type_hints(cls, include_extras=True)
    codes = [hints[f.name].__metadata__[0] for f in fields(cls)]
    tail = codes[-1] == "tail"
    text = tuple(place for place, f in enumerate(fields(cls)) if hints[f.name].__origin__ is str)
    return struct.Struct("<" + "".join(codes[:-1] if tail else codes)), tail, text


@dataclass(frozen=True, slots=True)
class Message:
    """A typed payload. Subclasses list their fields in the order of the bytes."""

    TYPE: ClassVar[int]

    def pack(self) -> bytes:
        """The payload.

        Raises:
            WireError: it is longer than a frame can hold.
        """
        fixed, tail, _ = _layout(self.TYPE)
        values: list[Any] = [getattr(self, f.name) for f in fields(self)]
        rest = values.pop() if tail else b""
        payload = fixed.pack(*(v.encode() if isinstance(v, str) else v for v in values)) + rest
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise WireError(f"{type(self).__name__} of {len(payload)} bytes does not fit a frame")
        return payload

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload.

        Raises:
            WireError: the length is not this message's.
        """
        fixed, tail, text = _layout(cls.TYPE)
        if len(payload) < fixed.size or (not tail and len(payload) > fixed.size):
            raise WireError(f"{cls.__name__} has {len(payload)} bytes where {fixed.size} belong")
        values: list[Any] = list(fixed.unpack_from(payload))
        for place in text:
            values[place] = values[place].rstrip(b"\0").decode(errors="replace")
        return cls(*values, *([payload[fixed.size :]] if tail else []))

    @classmethod
    def fixed_bytes(cls) -> int:
        """The length of the payload, of a tail apart."""
        return _layout(cls.TYPE)[0].size

    @classmethod
    def has_tail(cls) -> bool:
        """Whether bytes of any number follow the fixed ones."""
        return _layout(cls.TYPE)[1]


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """Who are you? A nonce that the device has not seen last begins a new session: half-loaded images are dropped."""

    TYPE: ClassVar[int] = 0x01
    nonce: U32


@dataclass(frozen=True, slots=True)
class Ping(Message):
    """Sent back as PONG, byte for byte."""

    TYPE: ClassVar[int] = 0x02
    data: Tail


@dataclass(frozen=True, slots=True)
class Data(Message):
    """One chunk of image `seq`. Not answered: INFER asks for what is missing. `offset` is a multiple of CHUNK_BYTES.

    The device holds one image with an odd number and one with an even: a third drives out the one of its kind.
    """

    TYPE: ClassVar[int] = 0x03
    offset: U32
    data: Tail


@dataclass(frozen=True, slots=True)
class Infer(Message):
    """Run image `seq`. Answered by RESULT, by MISSING, or by ERROR; a repeat gets the same RESULT without a run."""

    TYPE: ClassVar[int] = 0x04
    input_bytes: U32
    input_crc: U32


@dataclass(frozen=True, slots=True)
class SetBaud(Message):
    """Change the rate. BAUD goes out at the old rate; then the new one is on trial until a good frame comes."""

    TYPE: ClassVar[int] = 0x05
    baud: U32


@dataclass(frozen=True, slots=True)
class RawEcho(Message):
    """After ECHO_READY the next `count` bytes come back as they are, unframed: the yardstick for the overhead.
    A second of silence ends it early."""

    TYPE: ClassVar[int] = 0x06
    count: U32


@dataclass(frozen=True, slots=True)
class Profile(Message):
    """What did each step of the latest run cost, from step `first` on? Answered by STEPS. Firmware that was built
    without a profile does not know this type: it answers ERROR with BAD_TYPE."""

    TYPE: ClassVar[int] = 0x07
    first: U16


@dataclass(frozen=True, slots=True)
class Info(Message):
    """The device's identity, its model and its figures. Scales travel as the bits of an IEEE-754 single; a figure
    that a board cannot know is 0."""

    TYPE: ClassVar[int] = 0x81
    nonce: U32
    board: U8
    backend: U8
    model_error: U16  # ErrorCode of loading the model
    error_detail: U32
    model_sha256: Hash
    height: U16
    width: U16
    channels: U16
    outputs: U16
    input_scale_bits: U32
    input_zero_point: I16
    output_zero_point: I16
    output_scale_bits: U32
    margin_q: I16
    reserved: U16
    arena_bytes: U32
    ram_bytes: U32  # all data memory in use, arena and stack included
    flash_bytes: U32  # program and constants, the model included
    model_bytes: U32  # constants of the model alone
    clock_hz: U32
    window_bytes: U32  # what the board takes in while it runs the model: the next image travels if it fits
    baud: U32
    max_baud: U32
    chip: Text
    build_id: Text

    @property
    def input_bytes(self) -> int:
        """Bytes of one input."""
        return self.height * self.width * self.channels

    @property
    def input_scale(self) -> float:
        """Real value of one input step."""
        return float(struct.unpack("<f", struct.pack("<I", self.input_scale_bits))[0])

    @property
    def output_scale(self) -> float:
        """Real value of one output step."""
        return float(struct.unpack("<f", struct.pack("<I", self.output_scale_bits))[0])


@dataclass(frozen=True, slots=True)
class Pong(Message):
    """The answer to PING."""

    TYPE: ClassVar[int] = 0x82
    data: Tail


@dataclass(frozen=True, slots=True)
class Missing(Message):
    """Chunks of image `seq` that have not arrived, or all of them where the whole has another CRC than INFER said:
    bit `i % 8` of byte `i // 8` stands for the chunk at offset `i * CHUNK_BYTES`."""

    TYPE: ClassVar[int] = 0x83
    chunks: Tail


@dataclass(frozen=True, slots=True)
class Result(Message):
    """The raw int8 outputs, the time of the run on the device's clock, the CRC of the input that was used."""

    TYPE: ClassVar[int] = 0x84
    invoke_us: U32
    input_crc: U32
    outputs: Tail


@dataclass(frozen=True, slots=True)
class Baud(Message):
    """The answer to SET_BAUD: the rate that comes next."""

    TYPE: ClassVar[int] = 0x85
    baud: U32


@dataclass(frozen=True, slots=True)
class EchoReady(Message):
    """The answer to RAW_ECHO."""

    TYPE: ClassVar[int] = 0x86
    count: U32


@dataclass(frozen=True, slots=True)
class StepTicks(Message):
    """The answer to PROFILE: of `steps` steps in all, the clock ticks of those from `first` on, u32 each, at most
    STEPS_A_FRAME of them."""

    TYPE: ClassVar[int] = 0x87
    tick_hz: U32
    steps: U16
    first: U16
    ticks: Tail


@dataclass(frozen=True, slots=True)
class Error(Message):
    """A refusal; `seq` is that of the frame refused."""

    TYPE: ClassVar[int] = 0xFF
    code: U16
    detail: U32


MESSAGES: tuple[type[Message], ...] = (
    Hello, Ping, Data, Infer, SetBaud, RawEcho, Profile, Info, Pong, Missing, Result, Baud, EchoReady, StepTicks,
    Error,
)  # fmt: skip
_BY_TYPE = {message.TYPE: message for message in MESSAGES}


@dataclass(frozen=True, slots=True)
class Frame:
    """A body that passed its CRC; what it means is the message's business."""

    version: int
    type: int
    seq: int
    payload: bytes

    def message(self) -> Message:
        """The typed payload.

        Raises:
            WireError: version, type or length unknown to this protocol version. ERROR is read in every version.
        """
        if self.version != VERSION and self.type != Error.TYPE:
            raise WireError(f"protocol version {self.version}, not {VERSION}")
        if self.type not in _BY_TYPE:
            raise WireError(f"message type 0x{self.type:02x} is unknown")
        return _BY_TYPE[self.type].unpack(self.payload)


def encode(message: Message, seq: int = 0) -> bytes:
    """The bytes of one message on the line, delimiters on both sides: the first ends any noise before it."""
    return encode_frame(Frame(VERSION, message.TYPE, seq & 0xFFFF, message.pack()))


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame on the line."""
    body = struct.pack("<BBH", frame.version, frame.type, frame.seq) + frame.payload
    if len(body) + 4 > MAX_BODY_BYTES:
        raise WireError(f"a body of {len(body) + 4} bytes does not fit a frame")
    return b"\0" + _cobs(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


@dataclass(slots=True)
class Decoder:
    """Bytes in, frames out. After any damage the next delimiter puts it back in step.

    Attributes:
        dropped: runs of bytes between delimiters that were no frame.
        noise: the latest NOISE_BYTES of what was not a frame, boot logs among it.
    """

    dropped: int = 0
    noise: bytearray = field(default_factory=bytearray)
    _run: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> list[Frame]:
        """Takes bytes as they come, in any portions; returns the frames that they complete."""
        frames = []
        *runs, rest = data.split(b"\0")
        for run in runs:
            self._run += run
            if self._run:
                frame = _parse(bytes(self._run))
                if frame is None:
                    self.dropped += 1
                    self.noise += self._run
                else:
                    frames.append(frame)
                self._run.clear()
        self._run += rest
        if len(self._run) > 2 * NOISE_BYTES:  # a line that never sends a delimiter must not fill the memory
            self.noise += self._run[:NOISE_BYTES]
            del self._run[:NOISE_BYTES]
        del self.noise[:-NOISE_BYTES]
        return frames

    def unframed(self) -> bytes:
        """All noise so far, an unfinished run included: what a person would read on the line."""
        return bytes(self.noise + self._run)


def _parse(run: bytes) -> Frame | None:
    if len(run) > MAX_BODY_BYTES + 1:
        return None
    body = _uncobs(run)
    if body is None or len(body) < BODY_OVERHEAD_BYTES or len(body) > MAX_BODY_BYTES:
        return None
    if zlib.crc32(body[:-4]) != int.from_bytes(body[-4:], "little"):
        return None
    version, kind, seq = struct.unpack_from("<BBH", body)
    return Frame(version, kind, seq, body[4:-4])


def _cobs(body: bytes) -> bytes:
    # at most 254 bytes: no block is ever full before the end, so every block but the last stands for a zero
    return b"".join(bytes([len(block) + 1]) + block for block in body.split(b"\0"))


def _uncobs(run: bytes) -> bytes | None:
    body, position = bytearray(), 0
    while position < len(run):
        code = run[position]
        if position + code > len(run):
            return None
        body += run[position + 1 : position + code]
        position += code
        if code < 255 and position < len(run):
            body.append(0)
    return bytes(body)
