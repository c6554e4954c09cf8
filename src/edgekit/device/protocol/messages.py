"""What frames carry: each message as a value, and the numbers that both ends must share. Standard library only.

In: a frame that passed its CRC, or a message. Out: the message, or its bytes on the line.
`firmware/lib/wire/src/wire/protocol.h` is generated from this module (tools/gen_protocol);
`firmware/PROTOCOL.md` describes the same byte by byte.
"""

import struct
from dataclasses import Field, dataclass, fields
from enum import IntEnum
from typing import Annotated, Any, ClassVar, Self, dataclass_transform

from edgekit.device.protocol.frames import MAX_PAYLOAD_BYTES, VERSION, Frame, WireError, encode_frame

CHUNK_BYTES = 240  # input bytes of one DATA frame; every chunk but the last is full
MAX_CHUNKS = 512  # the chunk map of one image: inputs up to 122,880 bytes
MAX_OUTPUT_BYTES = 64
STEPS_A_FRAME = 59  # steps of a profile that one STEPS frame holds
MIN_BAUD = 1200  # the lowest rate at which anyone would run a board
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


BY_TYPE: "dict[int, type[Message]]" = {}


@dataclass_transform(frozen_default=True)
class Message:
    """A typed payload. Subclasses are frozen dataclasses that list their fields in the order of the bytes."""

    TYPE: ClassVar[int]  # their number in a frame
    FIXED: ClassVar[struct.Struct]  # all fields but a tail
    HAS_TAIL: ClassVar[bool]  # bytes of any number follow the fixed ones
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls, number: int) -> None:
        dataclass(frozen=True)(cls)
        kinds: list[Any] = [f.type for f in fields(cls)]
        codes = "".join(kind.__metadata__[0] for kind in kinds)
        cls.TYPE, cls.HAS_TAIL = number, codes.endswith("tail")
        cls.FIXED = struct.Struct("<" + codes.removesuffix("tail"))
        BY_TYPE[number] = cls

    def pack(self) -> bytes:
        """The payload. Raises WireError: it is longer than a frame can hold."""
        values: list[Any] = [getattr(self, f.name) for f in fields(self)]
        tail = values.pop() if self.HAS_TAIL else b""
        payload = self.FIXED.pack(*(v.encode() if isinstance(v, str) else v for v in values)) + tail
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise WireError(f"{type(self).__name__} of {len(payload)} bytes does not fit a frame")
        return payload

    @classmethod
    def unpack(cls, payload: bytes) -> Self:
        """The message of a payload. Raises WireError: the length is not this message's."""
        size = cls.FIXED.size
        if len(payload) < size or (not cls.HAS_TAIL and len(payload) > size):
            raise WireError(f"{cls.__name__} has {len(payload)} bytes where {size} belong")
        values = [*cls.FIXED.unpack_from(payload), *([payload[size:]] if cls.HAS_TAIL else [])]
        for at, field in enumerate(fields(cls)):
            if field.type == Text:
                values[at] = values[at].rstrip(b"\0").decode(errors="replace")
        return cls(*values)


class Hello(Message, number=0x01):
    """Who are you? A nonce that the device has not seen last begins a new session: half-loaded images are dropped."""

    nonce: U32


class Ping(Message, number=0x02):
    """Sent back as PONG, byte for byte."""

    data: Tail


class Data(Message, number=0x03):
    """One chunk of image `seq`. Not answered: INFER asks for what is missing. `offset` is a multiple of CHUNK_BYTES.

    The device holds one image with an odd number and one with an even: a third drives out the one of its kind.
    """

    offset: U32
    data: Tail


class Infer(Message, number=0x04):
    """Run image `seq`. Answered by RESULT, by MISSING, or by ERROR; a repeat gets the same RESULT without a run."""

    input_bytes: U32
    input_crc: U32


class SetBaud(Message, number=0x05):
    """Change the rate. BAUD goes out at the old rate; then the new one is on trial until a good frame comes."""

    baud: U32


class RawEcho(Message, number=0x06):
    """After ECHO_READY the next `count` bytes come back as they are, unframed: the yardstick for the overhead.
    A second of silence ends it early."""

    count: U32


class Profile(Message, number=0x07):
    """What did each step of the latest run cost, from step `first` on? Answered by STEPS. Firmware that was built
    without a profile does not know this type: it answers ERROR with BAD_TYPE."""

    first: U16


class Info(Message, number=0x81):
    """The device's identity, its model and its figures. Scales travel as the bits of an IEEE-754 single; a figure
    that a board cannot know is 0."""

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

    def faults(self) -> list[str]:
        """The values that make no sense, in words."""
        shape = (self.height, self.width, self.channels)
        faults = {
            f"board {self.board}": self.board not in BoardKind.__members__.values(),
            f"backend {self.backend}": self.backend not in Backend.__members__.values(),
            f"a rate of {min(self.baud, self.max_baud)} baud": min(self.baud, self.max_baud) < MIN_BAUD,
            "an input of {}x{}x{}".format(*shape): not 0 < self.input_bytes <= MAX_CHUNKS * CHUNK_BYTES,
            f"{self.outputs} outputs": not 0 < self.outputs <= MAX_OUTPUT_BYTES,
        }
        # where the model did not load, its shape is nobody's business
        return [fault for fault, there in list(faults.items())[: 3 if self.model_error else None] if there]

    @property
    def input_bytes(self) -> int:
        """Bytes of one input."""
        return self.height * self.width * self.channels

    @property
    def scales(self) -> tuple[float, float]:
        """Real values of one input step and of one output step."""
        return struct.unpack("<2f", struct.pack("<2I", self.input_scale_bits, self.output_scale_bits))


class Pong(Message, number=0x82):
    """The answer to PING."""

    data: Tail


class Missing(Message, number=0x83):
    """Chunks of image `seq` that have not arrived, or all of them where the whole has another CRC than INFER said:
    bit `i % 8` of byte `i // 8` stands for the chunk at offset `i * CHUNK_BYTES`."""

    chunks: Tail


class Result(Message, number=0x84):
    """The raw int8 outputs, the time of the run on the device's clock, the CRC of the input that was used."""

    invoke_us: U32
    input_crc: U32
    outputs: Tail


class Baud(Message, number=0x85):
    """The answer to SET_BAUD: the rate that comes next."""

    baud: U32


class EchoReady(Message, number=0x86):
    """The answer to RAW_ECHO."""

    count: U32


class StepTicks(Message, number=0x87):
    """The answer to PROFILE: of `steps` steps in all, the clock ticks of those from `first` on, u32 each, at most
    STEPS_A_FRAME of them."""

    tick_hz: U32
    steps: U16
    first: U16
    ticks: Tail


class Error(Message, number=0xFF):
    """A refusal; `seq` is that of the frame refused."""

    code: U16
    detail: U32


def message_of(frame: Frame) -> Message:
    """The typed payload of a frame.
    Raises WireError: version, type or length unknown to this protocol version. ERROR is read in every version."""
    if frame.version != VERSION and frame.type != Error.TYPE:
        raise WireError(f"protocol version {frame.version}, not {VERSION}")
    if frame.type not in BY_TYPE:
        raise WireError(f"message type 0x{frame.type:02x} is unknown")
    return BY_TYPE[frame.type].unpack(frame.payload)


def encode(message: Message, seq: int = 0) -> bytes:
    """The bytes of one message on the line."""
    return encode_frame(Frame(VERSION, message.TYPE, seq & 0xFFFF, message.pack()))


def chunks_of(input_bytes: int) -> int:
    """How many DATA frames an image takes."""
    return -(-input_bytes // CHUNK_BYTES)


def framed_bytes(input_bytes: int) -> int:
    """Of a whole image on the line, its question included."""
    return chunks_of(input_bytes) * len(encode(Data(0, bytes(CHUNK_BYTES)))) + 64
