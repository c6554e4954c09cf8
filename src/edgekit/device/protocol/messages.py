"""What frames carry: each message as a value, and the numbers that both ends must share. Standard library only.

In: a frame that passed its CRC, or a message. Out: the message, or its bytes on the line.
`firmware/lib/wire/src/wire/protocol.h` is generated from this module (tools/gen_protocol);
`firmware/PROTOCOL.md` describes the same byte by byte.
"""

import struct
import typing
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Self

from edgekit.device.protocol.frames import MAX_PAYLOAD_BYTES, VERSION, Frame, WireError, encode_frame

CHUNK_BYTES = 240  # input bytes of one DATA frame; every chunk but the last is full
MAX_CHUNKS = 512  # the chunk map of one image: inputs up to 122,880 bytes
MAX_OUTPUT_BYTES = 64
STEPS_A_FRAME = 59  # steps of a profile that one STEPS frame holds
BAUD_TRIAL_MS = 1500  # a new baud rate is given up when no good frame came for so long

U8 = Annotated[int, "B"]
U16 = Annotated[int, "H"]
I16 = Annotated[int, "h"]
U32 = Annotated[int, "I"]
Hash = Annotated[bytes, "32s"]
Text = Annotated[str, "16s"]  # UTF-8, zero-padded
Tail = Annotated[bytes, "tail"]  # the rest of the payload; last field only


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


def message_of(frame: Frame) -> Message:
    """The typed payload of a frame.

    Raises:
        WireError: version, type or length unknown to this protocol version. ERROR is read in every version.
    """
    if frame.version != VERSION and frame.type != Error.TYPE:
        raise WireError(f"protocol version {frame.version}, not {VERSION}")
    if frame.type not in _BY_TYPE:
        raise WireError(f"message type 0x{frame.type:02x} is unknown")
    return _BY_TYPE[frame.type].unpack(frame.payload)


def encode(message: Message, seq: int = 0) -> bytes:
    """The bytes of one message on the line."""
    return encode_frame(Frame(VERSION, message.TYPE, seq & 0xFFFF, message.pack()))
